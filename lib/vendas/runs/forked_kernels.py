"""Kernels as Jupyter manages them, started by a run's fork server."""

from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from vendas.runs.fork_server import ForkServer
from vendas.runs.notebook_runner import OwnPythonKernel
from vendas.runs.run_log import LOG

_LAUNCHER = "ipykernel_launcher"  # in a kernel's command, its arguments follow this name


def forked_from(server: ForkServer) -> type[AsyncKernelManager]:
    """Return the manager of kernels that are forks of the server; if it cannot fork, they start as without it."""

    class Provisioner(LocalProvisioner):
        process: Any
        pid: Any
        pgid: Any
        cwd: Any

        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
            arguments, folder = cmd[cmd.index(_LAUNCHER) + 1 :], kwargs.get("cwd") or Path.cwd()
            try:
                kernel = server.start_kernel(arguments, kwargs["env"], str(folder), kwargs["stdout"].fileno())
            except OSError as error:
                LOG.info("the kernel is not forked: %s", error)
                return await super().launch_kernel(cmd, **kwargs)
            self.process, self.pid, self.pgid, self.cwd = kernel, kernel.pid, kernel.pid, folder
            return self.connection_info

    class ForkedKernel(OwnPythonKernel):
        async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
            self.provisioner = self.provisioner or Provisioner(kernel_spec=self.kernel_spec, parent=self)
            return await super()._async_pre_start_kernel(**kwargs)

    return ForkedKernel
