"""telnet_real - real Telnet servers, each in a root of its own, in the caller's namespaces.

`enter()` puts the caller into namespaces of its own (mounts, network, names, processes), so that
nothing it starts is reachable from outside or outlives it. Needs to be root; `possible()` tells.
"""

import crypt
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HOST = "gate"
USERS = {"root": ("toor", 0), "admin": ("admin", 1000)}
ISSUE = "Gate 1.35\n"


def possible(program):
    """What is missing to run `program` so, or None."""
    if os.geteuid() != 0:
        return "root"
    for needed in (program, "unshare", "mount", "ip"):
        if shutil.which(needed, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return needed
    if program == "busybox":
        names = subprocess.run(["busybox", "--list"], capture_output=True, text=True).stdout
        if "telnetd" not in names.split():
            return "a busybox with telnetd (Debian: busybox-static)"
    return None


def enter():
    """Start this program again in namespaces of its own, once."""
    if os.environ.get("HINOMI_ENTERED") == "1":
        os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        socket.sethostname(HOST)
        return
    os.environ["HINOMI_ENTERED"] = "1"
    os.execvp("unshare", ["unshare", "-m", "-n", "-u", "-i", "-p", "--fork", "--kill-child",
                          "--mount-proc", sys.executable, *sys.argv])


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def accounts(folder, shell):
    """passwd, shadow and group for USERS."""
    write(f"{folder}/passwd", "".join(
        f"{name}:x:{uid}:{uid}:{name}:{'/root' if uid == 0 and shell == '/bin/sh' else '/home/' + name}:{shell}\n"
        for name, (_, uid) in USERS.items()))
    write(f"{folder}/shadow", "".join(
        f"{name}:{crypt.crypt(password, '$6$gate$')}:19700:0:99999:7:::\n"
        for name, (password, _) in USERS.items()), 0o600)
    write(f"{folder}/group", "".join(f"{name}:x:{uid}:\n" for name, (_, uid) in USERS.items()))


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not listen")


class Busybox:
    """busybox telnetd in a root that has nothing but busybox."""

    port, issue = 2323, ISSUE
    welcome = ("\n\nBusyBox %s built-in shell (ash)\n"
               "Enter 'help' for a list of built-in commands.\n\n")

    def __enter__(self):
        head = subprocess.run(["busybox"], capture_output=True, text=True).stdout
        self.welcome = self.welcome % head.split("BusyBox ")[1].split(" multi-call")[0]
        self.root = tempfile.mkdtemp(prefix="hinomi-telnet-")
        subprocess.run(["mount", "-t", "tmpfs", "none", self.root], check=True)
        for name in ("bin", "dev/pts", "proc", "root", "etc", "tmp", "var/log"):
            os.makedirs(f"{self.root}/{name}")
        shutil.copy(os.path.realpath(shutil.which("busybox")), f"{self.root}/bin/busybox")
        for name in ("sh", "login", "telnetd", "ls", "cat", "echo", "stty", "sleep"):
            os.symlink("busybox", f"{self.root}/bin/{name}")
        os.mknod(f"{self.root}/dev/null", 0o20666, os.makedev(1, 3))
        os.mknod(f"{self.root}/dev/tty", 0o20666, os.makedev(5, 0))
        subprocess.run(["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620",
                        "none", f"{self.root}/dev/pts"], check=True)
        os.symlink("pts/ptmx", f"{self.root}/dev/ptmx")
        accounts(f"{self.root}/etc", "/bin/sh")
        write(f"{self.root}/etc/issue.net", ISSUE)
        for name, (_, uid) in USERS.items():
            os.makedirs(f"{self.root}/home/{name}")
            os.chown(f"{self.root}/home/{name}", uid, uid)
        self.server = subprocess.Popen(
            ["/usr/sbin/chroot", self.root, "/bin/telnetd", "-F", "-p", str(self.port)],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": "/bin"})
        wait_for(self.port)
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        subprocess.run(["umount", "-l", f"{self.root}/dev/pts", self.root], check=False)
        os.rmdir(self.root)


class Inetutils:
    """telnetd and login of Debian, with accounts of ours over the machine's."""

    port = 2324

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="hinomi-telnet-")
        subprocess.run(["mount", "-t", "tmpfs", "none", self.folder], check=True)
        accounts(self.folder, "/bin/bash")
        write(f"{self.folder}/issue.net", "Debian GNU/Linux 12\n")
        write(f"{self.folder}/motd", "")
        write(f"{self.folder}/hosts", f"127.0.0.1 localhost\n127.0.1.1 {HOST}\n")
        for name in ("passwd", "shadow", "group", "issue.net", "motd", "hosts"):
            subprocess.run(["mount", "--bind", f"{self.folder}/{name}", f"/etc/{name}"], check=True)
        for name in ("/home", "/var/log", "/run"):
            subprocess.run(["mount", "-t", "tmpfs", "none", name], check=True)
        subprocess.run(["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5",
                        "none", "/dev/pts"], check=True)
        subprocess.run(["mount", "--bind", "/dev/pts/ptmx", "/dev/ptmx"], check=False)
        for name, (_, uid) in USERS.items():
            os.makedirs(f"/home/{name}")
            os.chown(f"/home/{name}", uid, uid)
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.pid = os.fork()
        if self.pid == 0:
            self.serve()
        self.listener.close()
        return self

    def serve(self):
        """What inetd does."""
        import signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = self.listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number in (0, 1, 2):
                    os.dup2(connection.fileno(), number)
                os.closerange(3, 1024)
                os.execve("/usr/sbin/telnetd", ["telnetd"], {"PATH": os.environ["PATH"]})
            connection.close()

    def __exit__(self, *_):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
