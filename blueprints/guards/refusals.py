"""What a guard says to whoever may not pass."""

from typing import ClassVar

from blueprints.problems import PersonTold
from citylife.errors import Refusal
from citylife.wording import Sentence


class SignInNeeded(Refusal):
    """Nobody we know is asking."""

    slug: ClassVar[str] = "sign-in-needed"
    status: ClassVar[int] = 401
    title: ClassVar[str] = "Identification nécessaire"
    sentence: ClassVar[str] = "Il faut s’identifier pour accéder à cette ressource."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="citylife"'}
    page: ClassVar[PersonTold] = PersonTold(
        Sentence("Connectez-vous d’abord"),
        Sentence("Cette page est pour qui est connecté. Un lien par courriel suffit : il n’y a pas de mot de passe."),
        "/connexion",
        Sentence("Se connecter"),
    )


class CitizenNeeded(SignInNeeded):
    """No citizen is asking; it is said to programs as anybody else is told."""

    page: ClassVar[PersonTold] = PersonTold(
        Sentence("Ce navigateur ne vous connaît pas encore"),
        Sentence("Revenez à la page du commerce et touchez « Suivre » : rien d’autre ne vous sera demandé."),
        "/",
        Sentence("Revenir à l’accueil"),
    )


class MerchantNeeded(SignInNeeded):
    """No merchant is asking."""

    page: ClassVar[PersonTold] = PersonTold(
        Sentence("Connectez-vous d’abord"),
        Sentence("Cette page est pour les commerçants. Un lien par courriel suffit : il n’y a pas de mot de passe."),
        "/connexion",
        Sentence("Se connecter"),
    )


class StaffNeeded(SignInNeeded):
    """No member of staff is asking."""

    page: ClassVar[PersonTold] = PersonTold(
        Sentence("Connectez-vous d’abord"),
        Sentence(
            "Cette page est pour l’équipe du cluster. Un lien par courriel suffit : il n’y a pas de mot de passe."
        ),
        "/connexion",
        Sentence("Se connecter"),
    )


class PasskeyNeeded(Refusal):
    """A member of staff has come in by a letter, which opens nothing of the cluster's: whoever reads her mail could."""

    slug: ClassVar[str] = "passkey-needed"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Clé d’accès nécessaire"
    sentence: ClassVar[str] = "Un courriel ne suffit pas ici : il faut se connecter avec une clé d’accès."
    page: ClassVar[PersonTold] = PersonTold(
        Sentence("Connectez-vous avec votre clé d’accès"),
        Sentence("Un courriel ne suffit pas pour l’équipe du cluster : il faut une clé d’accès."),
        "/console/cle",
        Sentence("Continuer"),
    )


class ScopeMissing(Refusal):
    """The API key may not do this."""

    slug: ClassVar[str] = "scope-missing"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Droit manquant"
    sentence: ClassVar[str] = "Cette clé d’API n’a pas le droit « {scope} »."


class SessionNeeded(Refusal):
    """An API key asks for what only somebody signed in may do."""

    slug: ClassVar[str] = "session-needed"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Connexion nécessaire"
    sentence: ClassVar[str] = "Une clé d’API ne suffit pas : il faut être connecté pour faire cela."


class OwnersOnly(Refusal):
    """Only an owner of the shop may do this."""

    slug: ClassVar[str] = "owners-only"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Réservé aux propriétaires"
    sentence: ClassVar[str] = "Seul un propriétaire du commerce peut faire cela."


class RoleMissing(Refusal):
    """The member of staff has not the role for this."""

    slug: ClassVar[str] = "role-missing"
    status: ClassVar[int] = 403
    title: ClassVar[str] = "Rôle insuffisant"
    sentence: ClassVar[str] = "Votre rôle dans l’équipe du cluster ne permet pas cela."
