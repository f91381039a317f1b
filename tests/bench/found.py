"""What a benchmark has found."""

from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    """A line of the table. `met` is nothing where there is no goal."""
    what: str
    found: str
    goal: str = ""
    met: bool | None = None


@dataclass
class Plot:
    """A picture of lines, each a name and its points, both axes from zero unless `log`."""
    title: str
    x: str
    y: str
    lines: dict
    log: bool = False


@dataclass
class Found:
    rows: list = field(default_factory=list)
    plots: list = field(default_factory=list)
    said: list = field(default_factory=list)

    def row(self, what: str, found: str, goal: str = "", met: bool | None = None) -> None:
        self.rows.append(Row(what, found, goal, met))

    def as_json(self) -> dict:
        return asdict(self)

    @staticmethod
    def from_json(it: dict) -> "Found":
        return Found([Row(**row) for row in it["rows"]], [Plot(**plot) for plot in it["plots"]],
                     it["said"])
