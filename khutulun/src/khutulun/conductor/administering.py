"""What changes a directory: plugins, roles, secrets. It is all in the audit log (R104). `Conductor` has it."""

from khutulun import model
from khutulun.conductor import access, journals, locations, secrets
from khutulun.conductor import plugins as administration
from khutulun.conductor.access import Role
from khutulun.conductor.parts import Parts


class Administering(Parts):
    """See `khutulun.conductor.interface.Conductor` for what each method does."""

    def add_plugin(
        self, principal: model.Principal, content: bytes, carrier: str, name: str | None, directory: str = "/"
    ) -> model.PluginInfo:
        self._require(principal, directory, Role.OWNER, "plugin-added")
        plugin = self._admin.describe(content, carrier, name, directory)
        with self._store.write() as tx:
            journals.audit(tx, principal, "plugin-added", directory, {"plugin": plugin.name, "digest": plugin.digest})
            return administration.info(self._admin.put(tx, plugin))

    def remove_plugin(self, principal: model.Principal, name: str, directory: str = "/") -> None:
        self._require(principal, directory, Role.OWNER, "plugin-removed")
        replaced = self._admin.replaced(name, directory)
        with self._store.write() as tx:
            administration.remove(tx, self._registry.entity(tx, name, directory), name, directory, replaced)
            journals.audit(tx, principal, "plugin-removed", directory, {"plugin": name})

    def grant_access(self, principal: model.Principal, who: str, role: str, directory: str = "/") -> model.Access:
        self._require(principal, directory, Role.OWNER, "access-granted")
        with self._store.write() as tx:
            locations.make(tx, directory)
            access.grant(tx, directory, who, role)
            journals.audit(tx, principal, "access-granted", directory, {"who": who, "role": role})
        self._bell.ring()
        return model.Access(who, role, directory)

    def revoke_access(self, principal: model.Principal, who: str, directory: str = "/") -> None:
        self._require(principal, directory, Role.OWNER, "access-revoked")
        with self._store.write() as tx:
            access.revoke(tx, directory, who)
            journals.audit(tx, principal, "access-revoked", directory, {"who": who})
        self._bell.ring()

    def set_secret(self, principal: model.Principal, name: str, content: bytes, directory: str = "/") -> model.Secret:
        self._require(principal, directory, Role.OPERATOR, "secret-set")
        with self._store.write() as tx:
            found, changed = self._secrets.set(tx, directory, name, content)
            users = self._secrets.users(tx, directory, name) if changed else []
            journals.audit(tx, principal, "secret-set", directory, {"secret": name})
        self._emission.tell(users, secrets.CHANGED, {"secret": name})
        return found

    def remove_secret(self, principal: model.Principal, name: str, directory: str = "/") -> None:
        self._require(principal, directory, Role.OPERATOR, "secret-removed")
        with self._store.write() as tx:
            self._secrets.remove(tx, directory, name)
            journals.audit(tx, principal, "secret-removed", directory, {"secret": name})
