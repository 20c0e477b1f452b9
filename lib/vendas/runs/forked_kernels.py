"""Kernels as Jupyter manages them, started by a run's fork server."""

from contextlib import suppress
from math import inf
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import default

from vendas.runs.fork_server import ForkServer
from vendas.runs.notebook_runner import OwnPythonKernel
from vendas.runs.run_log import LOG

_FIRST_OUTPUT_SECONDS = 0.05  # after which a client asks again; a kernel that runs needs a few milliseconds
_LAUNCHER = "ipykernel_launcher"  # in a kernel's command, its arguments follow this name


class PromptClient(AsyncKernelClient):
    """A client that waits no longer than necessary for a kernel that runs already.

    Jupyter's own one then waits a fifth of a second for outputs that nobody has asked for. Here whoever executes a cell
    ignores outputs of others, as nbclient does.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered, and its outputs come through. Raises: RuntimeError if it does not."""
        until = monotonic() + (inf if timeout is None else timeout)
        while True:
            self.kernel_info()
            with suppress(Empty):
                reply = await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=_FIRST_OUTPUT_SECONDS)
                if reply["msg_type"] == "kernel_info_reply":
                    return self._handle_kernel_info_reply(reply)
            if not await self.is_alive():
                raise RuntimeError("the kernel has ended before it answered")
            if monotonic() > until:
                raise RuntimeError(f"the kernel did not answer in {timeout:g} seconds")


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

        async def kill(self, restart: bool = False) -> None:
            await super().kill(restart)
            self.process and self.process.wait()  # otherwise its end would be looked for every tenth of a second

    class ForkedKernel(OwnPythonKernel):
        @default("client_factory")
        def _prompt_client(self) -> type[AsyncKernelClient]:
            return PromptClient

        async def _async_pre_start_kernel(self, **kwargs: Any) -> tuple[list[str], dict[str, Any]]:
            self.provisioner = self.provisioner or Provisioner(kernel_spec=self.kernel_spec, parent=self)
            return await super()._async_pre_start_kernel(**kwargs)

    return ForkedKernel
