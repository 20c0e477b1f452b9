"""A person's right: everything a lake holds of a person, shown or erased, and never back."""
