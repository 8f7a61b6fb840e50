"""What an operator can get wrong is answered in a sentence that says what to do, never in a traceback."""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError

from citylife.backup.archive import BackupRefused
from citylife.errors import Refusal
from citylife.keyring import KeysDiffer
from citylife.keys import KeyAbsent
from citylife.migrations import RevisionUnknown
from citylife.settings import SettingRefused, Settings
from citylife.wording import Sentence


class Mistake(Exception):
    """Something the operator can put right; `sentence` says what."""

    def __init__(self, template: str, /, **values: object) -> None:
        self.sentence = Sentence(template, **values)
        super().__init__(str(self.sentence))


def explained(error: Exception, settings: Settings | None = None) -> Sentence | None:
    """Say what went wrong; None when it is nothing an operator could put right, but a fault of ours."""
    match error:
        case (
            Mistake(sentence=sentence)
            | Refusal(detail=sentence)
            | BackupRefused(sentence=sentence)
            | KeysDiffer(sentence=sentence)
        ):
            return sentence
        case KeyAbsent(variable=variable, name=name):
            return Sentence(
                "Cette base de données a déjà ses clés, et cette machine n’en a pas : donnez-lui celle des autres "
                "machines ({variable}, ou le fichier « {name} » de leur dossier d’instance). Si elle est perdue, "
                "« citylife keys accept » dit ce que coûte d’en changer.",
                variable=variable,
                name=name,
            )
        case SettingRefused():
            return Sentence("Un réglage ne convient pas. {why}", why=str(error))
        case OSError(filename=str() as path):
            return Sentence("« {path} » ne peut pas servir : {why}", path=path, why=error.strerror or str(error))
    return _of_database(error, settings)


def _of_database(error: Exception, settings: Settings | None) -> Sentence | None:
    match error:
        case ArgumentError() | NoSuchModuleError():
            return Sentence("CITYLIFE_DATABASE_URL n’est pas l’adresse d’une base SQLite ou PostgreSQL.")
        case OperationalError() | InterfaceError():
            return Sentence(
                "La base de données {where} ne répond pas : {why}", where=_where(settings), why=_first_line(error.orig)
            )
        case RevisionUnknown(revision=revision):
            return Sentence(
                "Cette base vient d’une version plus récente de Citylife (schéma {revision}) : rien n’a été changé. "
                "Lancez cette commande avec la version la plus récente.",
                revision=revision,
            )
    return None


def _where(settings: Settings | None) -> str:
    return "" if settings is None else make_url(settings.database).render_as_string(hide_password=True)


def _first_line(cause: object) -> str:
    return str(cause).strip().partition("\n")[0]
