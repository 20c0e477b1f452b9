"""Interactive notebooks: JupyterLab on a lake, and interactive sessions of AWS Glue."""
