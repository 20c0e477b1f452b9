"""What `vendas doctor` looks at: this installation, or the stack of a lake in S3."""
