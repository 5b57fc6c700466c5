"""The command `ethogram` itself: which verbs there are, where each one lives, and how it ends.

A verb's module is imported when the verb is named. The summaries stand here so that `ethogram --help` imports none of
them; a test holds them equal to what the verbs say of themselves.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ethogram.cli.exits import MEANINGS, ExitCode
from ethogram.cli.help import Context, write_examples

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Listed:
    """A verb as the overview lists it: its module under `ethogram.cli` and its summary."""

    name: str
    module: str
    summary: str


SECTIONS: dict[str, tuple[Listed, ...]] = {
    "Start": (
        Listed("init", "setup", "Make a directory a workspace."),
        Listed("load", "load", "Load events, profiles or accounts from files."),
        Listed("status", "health", "Show the workspace at a glance."),
        Listed("config", "setup", "Show and change the settings."),
    ),
    "Serve": (
        Listed("serve", "serve", "Take events over HTTP, as the Segment tracking spec sends them."),
        Listed("tail", "tail", "Show events and membership changes as they come."),
        Listed("replay", "replay", "Play a history to a running server as if it happened now."),
        Listed("keys", "keys", "Add, list and revoke the keys of senders and askers."),
        Listed("team", "team", "Invite people to the console, and say what they may do."),
        Listed(
            "sources", "sources", "Take webhooks of providers as events: Stripe, Shopify, e-mail engagement and others."
        ),
        Listed("rejected", "rejected", "List what the server rejected, with the reasons."),
    ),
    "Engage": (
        Listed("campaigns", "campaigns", "Define, start, stop and call campaigns."),
        Listed("journeys", "journeys", "Define, start and watch journeys."),
        Listed("outbox", "outbox", "Show messages on their way, decide about unsure ones, pause and cancel."),
        Listed("providers", "providers", "Define who sends the messages of each channel, and try them out."),
        Listed("templates", "kinds", "Define what messages say, in Liquid and MJML."),
        Listed("catalogs", "catalogs", "Define catalogues of items, and change the items while they are used."),
        Listed("coupons", "coupons", "Fill pools of coupon codes, and see how many are left."),
        Listed("topics", "kinds", "Define what people may subscribe to."),
        Listed("consents", "consents", "Show what people chose to receive, and say it on their behalf."),
        Listed("suppressions", "reaching", "List, add, remove and import addresses that nothing is sent to."),
        Listed("devices", "reaching", "List phones and browsers that take notifications, and end them."),
        Listed("caps", "kinds", "Define how many messages a person gets at most."),
        Listed("quiet-hours", "kinds", "Define the hours in which nothing is sent."),
        Listed("holdouts", "kinds", "Define who gets no message at all, for comparison."),
        Listed(
            "plan", "applying", "Show what applying files would change, and how many people it concerns; save nothing."
        ),
        Listed("apply", "applying", "Save what files define: segments, templates, campaigns and the like."),
        Listed("dump", "applying", "Print the saved definitions as a file that `ethogram apply` takes."),
    ),
    "Send elsewhere": (
        Listed("webhooks", "webhooks", "Tell other systems who enters and who leaves segments."),
        Listed("syncs", "syncs", "Keep files and other systems equal to a segment's members."),
    ),
    "Know the data": (
        Listed("events", "catalogue", "List the events received, or describe one."),
        Listed("traits", "catalogue", "List the traits of profiles, or describe one."),
        Listed("profile", "people", "Show one person: traits, segments, timeline."),
        Listed("people", "privacy", "Export everything that is known of somebody, or erase it."),
        Listed("identities", "identities", "Show which ids are one person; merge and split people."),
    ),
    "Define segments": (
        Listed("preview", "define", "Count the people a text describes; save nothing."),
        Listed("save", "define", "Save a segment under a name."),
        Listed("segments", "segments", "List, show, delete and upload segments."),
        Listed("ready", "ready", "List ready segments and fit them to your events."),
        Listed("vocabulary", "ready", "Show and set which event means what."),
    ),
    "Get answers": (
        Listed("run", "people", "Compute every saved segment over everybody."),
        Listed("members", "people", "List or export the people in a segment."),
        Listed("evaluate", "people", "Tell which segments given people are in."),
        Listed("why", "reasons", "Show why a person is in a segment, or is not."),
        Listed("explain", "reasons", "Show how a segment is understood and what it costs."),
        Listed("history", "change", "Show a segment's size over time, with who entered and left."),
        Listed("explore", "explore", "Count what people do: trends, funnels, retention and paths."),
        Listed("explorations", "kinds", "Keep questions about what people do, and pin them."),
        Listed("overlap", "change", "Show how segments overlap: each pair, and each exact combination."),
    ),
    "Maintain": (
        Listed("verify", "verify", "Compute everything anew and compare it with recorded membership."),
        Listed("doctor", "health", "Check the workspace and say what is wrong."),
        Listed("rebuild", "health", "Rebuild the warehouse from the accepted batches."),
        Listed("schema", "define", "Print the JSON Schema of a segment's tree."),
    ),
}
_LISTED = {listed.name: listed for section in SECTIONS.values() for listed in section}

_COMPLETION = 'Completion: eval "$(_ETHOGRAM_COMPLETE=bash_source ethogram)" (or zsh_source, fish_source).'
_EXAMPLES = (
    "ethogram init shop --timezone Europe/London",
    "ethogram load events orders.csv --map profile_id=CustomerID",
    'ethogram preview "count(purchase in last 30 days) >= 3"',
    'ethogram save regulars "count(purchase in last 90 days) >= 3"',
    "ethogram run",
    "ethogram why regulars 17850",
)


class Application(click.Group):
    """The overview of verbs; finds a verb's module when it is named, and turns every end into an exit code."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        return list(_LISTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        listed = _LISTED.get(cmd_name)
        if listed is None:
            return None
        module = importlib.import_module(f"ethogram.cli.{listed.module}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _LISTED and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches  # 10 ms that only a mistyped verb should cost

            near = get_close_matches(args[0], _LISTED, n=1)
            told = f" Did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"There is no command `{args[0]}`.{told}", ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for head, section in SECTIONS.items():
            with formatter.section(head):
                formatter.write_dl([(listed.name, listed.summary) for listed in section])
        rows = [row for param in self.get_params(ctx) if (row := param.get_help_record(ctx)) is not None]
        with formatter.section("Options"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])
        write_examples(_EXAMPLES, formatter)
        formatter.write_paragraph()
        formatter.write_text(_COMPLETION)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (`| head`) has seen enough; what is still buffered must not fail at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(ExitCode.OK) from None
        return answer

    def main(  # type: ignore[override]  # click overloads by standalone_mode; ours is always standalone
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Runs a command line and ends the process; no exception leaves it."""
        given = list(sys.argv[1:] if args is None else args)
        _write_whatever_comes()
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last place that can tell it
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                click.echo(error.format_message(), err=True)
                code = ExitCode.USAGE
            else:
                from ethogram.cli.failures import report  # 30 ms that help should not cost

                code = report(error, as_json="--json" in given)
        sys.exit(int(code) if isinstance(code, int) else ExitCode.OK)


def _write_whatever_comes() -> None:
    """Lets a character that the terminal's encoding lacks come out as its escape instead of as a failure."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@click.command(
    "ethogram",
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.option(
    "--workspace",
    "-w",
    metavar="DIRECTORY",
    help="The workspace; else ETHOGRAM_WORKSPACE, else the current directory or its nearest parent with an "
    "ethogram.toml. Also understood after the verb.",
)
@click.version_option(package_name="ethogram", message="%(prog)s %(version)s")
@click.pass_context
def app(ctx: click.Context, workspace: str | None) -> None:
    """Events in, and for every behavioural segment the exact people who are in it.

    Every verb has --help with examples. Verbs that print data take --json.
    """
    ctx.obj = workspace
