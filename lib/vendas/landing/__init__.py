"""From landing to bronze: names, and the verified move of files in folders and of objects on S3."""
