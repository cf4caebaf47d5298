"""The schema: what can be asked, and the text of it that is checked in."""

from __future__ import annotations

import strawberry
from graphql import GraphQLError
from strawberry import relay
from strawberry.types import ExecutionContext

from api.graphql.audit import AuditEntry, AuditQuery
from api.graphql.connections import AsOf
from api.graphql.context import Info
from api.graphql.curves import Curve, CurvesQuery
from api.graphql.instruments import Instrument, InstrumentsQuery
from api.graphql.limits import Limits
from api.graphql.lineage import LineageQuery
from api.graphql.nodes import Noun, find_node
from api.graphql.ppas import Ppa, PpasQuery, PpaValuation
from api.graphql.prices import PricesQuery
from api.graphql.projections import ProjectionsQuery
from api.graphql.publications import Publication, PublicationsQuery
from api.graphql.quality import QualityQuery
from api.graphql.scalars import CONFIG
from api.graphql.scenarios import Scenario, ScenariosQuery

NODES: dict[str, type[Noun]] = {
    kind.__name__: kind for kind in (Instrument, Publication, Scenario, Curve, Ppa, PpaValuation, AuditEntry)
}


@strawberry.type(description="Everything here only reads: changes are commands of the REST API.")
class Query(
    PricesQuery, InstrumentsQuery, PublicationsQuery, ScenariosQuery, CurvesQuery, PpasQuery, LineageQuery, AuditQuery,
    ProjectionsQuery, QualityQuery,
):  # fmt: skip
    @strawberry.field(description="The object of a global id, null where there is none.")
    async def node(self, info: Info, id: relay.GlobalID, as_of: AsOf = None) -> relay.Node | None:
        return await find_node(info.context, id, NODES, as_of)


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Errors are logged where they are formatted (`api.graphql.errors`), and only those that nobody can mend."""


schema = Schema(query=Query, types=list(NODES.values()), config=CONFIG, extensions=[Limits])


def sdl() -> str:
    """The schema definition, as it is checked in as docs/graphql/schema.graphql."""
    return schema.as_str() + "\n"
