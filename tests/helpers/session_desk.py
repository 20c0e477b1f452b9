"""The environment of `vendas notebook` with the stub as AWS, and its kernels."""

import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from vendas.jupyter import glue_sessions
from vendas.jupyter.lab import jupyterlab
from vendas.settings import load_settings

needs_kernel = pytest.mark.skipif(
    not find_spec("aws_glue_interactive_sessions_kernel"), reason="no Glue kernel: .venv/bin/pip install -e '.[glue]'"
)

ROLE, MODULES = "arn:aws:iam::123456789012:role/vendas-sessions", "s3://artifacts/vendas/1.gluewheels.zip"
PROFILE = "[profile teste]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
GIVEN = {"run_id": "r1", "rows": 7}
STOCK = KernelSpec(
    argv=[
        sys.executable,
        "-m",
        "aws_glue_interactive_sessions_kernel.glue_pyspark.GlueKernel",
        "-f",
        "{connection_file}",
    ],
    language="python",
)


class GlueSession(AsyncKernelManager):
    """Starts the kernel that JupyterLab finds as glue_pyspark; its graceful shutdown lets it end its session."""

    @property
    def kernel_spec(self):
        return KernelSpecManager().get_kernel_spec(glue_sessions.KERNEL["name"])

    async def shutdown_kernel(self, now=False, restart=False):
        await super().shutdown_kernel(now=False, restart=restart)


class StockSession(GlueSession):
    """The kernel as the package ships it."""

    kernel_spec = STOCK


@contextmanager
def desk(stub, folder):
    """Set the environment of `vendas notebook` for the block, with the stub as AWS."""
    here = {
        "AWS_ENDPOINT_URL": stub.url,
        "AWS_DEFAULT_REGION": "sa-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "HTTPS_PROXY": stub.url,  # requests to other hosts go to the stub, too
        "NO_PROXY": "127.0.0.1",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "glue_", "VENDAS_")):
                patch.delenv(name)
        for name, value in here.items():
            patch.setenv(name, value)
        settings = load_settings(lake="s3://lago-1", glue_role=ROLE, glue_modules=MODULES, glue_database="vendas_teste")
        for name, value in jupyterlab(settings)[1].items():
            patch.setenv(name, value)
        yield
