"""What `vendas doctor` checks: this installation, or the stack of a lake in S3."""
