"""What tests share: rows, lakes, doubles of AWS, second implementations of rules."""
