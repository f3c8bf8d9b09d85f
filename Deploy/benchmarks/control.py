"""A control plane on a PostgreSQL of a run's own, nothing else."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import machine

POSTGRES = max(f"/usr/lib/postgresql/{name}/bin" for name in os.listdir("/usr/lib/postgresql"))


class Database:
    """A PostgreSQL of this run's own."""

    def __init__(self, folder):
        self.folder = folder
        self.most_memory = 0
        self.owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        os.chmod(folder, 0o755)
        os.mkdir(f"{folder}/pg")
        if os.getuid() == 0:
            shutil.chown(f"{folder}/pg", self.owner)
        self.tool("initdb", "-D", f"{folder}/pg/data", "-U", "bench", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8")
        settings = f"-c listen_addresses= -c unix_socket_directories={folder}/pg -c shared_buffers=512MB -c max_wal_size=8GB -c jit=off"
        self.tool("pg_ctl", "-D", f"{folder}/pg/data", "-w", "-s", "-l", f"{folder}/pg/log", "-o", settings, "start")
        self.url = f"host={folder}/pg user=bench dbname=postgres"

    def tool(self, name, *arguments):
        prefix = ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", "--"] if os.getuid() == 0 else []
        subprocess.run(prefix + [f"{POSTGRES}/{name}", *arguments], check=True, stdout=subprocess.DEVNULL)

    def sql(self, text):
        command = [f"{POSTGRES}/psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, "-c", text]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode != 0:
            raise SystemExit(answer.stderr)
        return answer.stdout.strip()

    def note_memory(self):
        """Most MiB, of those that were looked at, that all its processes had resident together."""
        with open(f"{self.folder}/pg/data/postmaster.pid", encoding="utf-8") as file:
            root = int(file.readline())
        self.most_memory = max(self.most_memory, machine.proportional_kib(root) // 1024)
        return self.most_memory

    def stop(self):
        self.tool("pg_ctl", "-D", f"{self.folder}/pg/data", "-w", "-s", "-m", "immediate", "stop")


class Control:
    """The program on two ports; `folder` and all that is in it is gone afterwards."""

    def __init__(self, ports):
        self.folder = tempfile.mkdtemp(prefix="plimsoll-bench-")
        self.database = Database(self.folder)
        self.admin, self.peers = ports
        self.program = ".build/release/plimsoll-control"
        self.environment = dict(
            os.environ, PLIMSOLL_DATABASE_URL=self.database.url, PLIMSOLL_PKI_DIR=f"{self.folder}/pki",
            PLIMSOLL_ADMIN_LISTEN=f"127.0.0.1:{self.admin}", PLIMSOLL_PEERS_LISTEN=f"127.0.0.1:{self.peers}")
        self.server = None
        for command in (["migrate"], ["init", "--token-file", f"{self.folder}/token"]):
            subprocess.run([self.program, *command], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        with open(f"{self.folder}/token", encoding="ascii") as file:
            self.token = file.readline().strip()

    def serve(self):
        with open(f"{self.folder}/log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen([self.program, "serve"], env=self.environment, stdout=subprocess.DEVNULL, stderr=log)
        for _ in range(600):
            try:
                return self.ask("/readyz")
            except (urllib.error.URLError, ConnectionError):
                if self.server.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit(f"the control plane did not start: {self.last_words()}")

    def ask(self, path, body=None, method=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def runs(self):
        return self.server.poll() is None

    def last_words(self):
        with open(f"{self.folder}/log", encoding="utf-8") as log:
            return "".join(log.readlines()[-3:])

    def peak_memory(self):
        """MiB."""
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))

    def stop(self):
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()
        self.database.stop()
        shutil.rmtree(self.folder)
