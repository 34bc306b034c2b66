"""Runs JupyterHub's hub on PORT without its proxy, with its database in FOLDER."""
import os

from jupyterhub.proxy import Proxy

c = get_config()  # noqa: F821
folder = os.environ["FOLDER"]


class NoProxy(Proxy):
    should_start = False
    routes = {}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return self.routes


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = int(os.environ["PORT"])
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allowed_users = {"you"}
c.JupyterHub.log_level = "ERROR"
# Like our service, do not log successes.
c.JupyterHub.tornado_settings = {"log_function": lambda handler: None}
