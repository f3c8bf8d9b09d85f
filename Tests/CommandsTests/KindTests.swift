import ArgumentParser
import TestSupport
import Testing

@testable import Commands

/// What the command line knows of each kind, beside the document of the API.
@Suite struct KindTests {
    private static let kinds: [any AdminKind.Type] = [
        Tiers.self, Tenants.self, Keys.self, Models.self, Releases.self, SKUs.self, Providers.self, Pools.self, Weights.self, Hosts.self,
        Workers.self, Gateways.self, EnrolmentTokenKind.self, Usage.self, QuarantinedUsage.self, Minutes.self, Audit.self, Tokens.self, Rules.self,
        AbuseEvents.self, KeyUses.self, Probes.self, ProbeVerdicts.self, ProbeCosts.self, Prices.self, Quotas.self, Objectives.self, Budgets.self,
        BudgetEntries.self,
        BurnAlerts.self, FreezePasses.self, Terms.self, Agreements.self, Credits.self, WaitingCredits.self, MaintenanceWindows.self, Exclusions.self,
        Drills.self,
        Incidents.self, Mitigations.self, MitigationVetoes.self, PageChannels.self, Pages.self, EvidenceTrees.self, ProviderScores.self,
        ProviderScoreDays.self,
        FallbackDrills.self, SKUTemplates.self, StatusPosts.self, ReportLinks.self, Scalers.self, CapacityOrders.self, Captures.self,
    ]

    @Test func `filters and fields are those of the document, and every list of it is a kind`() async throws {
        let document = try await OpenAPIDocument.read()
        for kind in Self.kinds {
            let list = try #require(document.operation("GET", "/admin/v1/\(kind.path)"))
            #expect(Set(kind.filters.map(\.name)) == Set(document.filters(list)), "\(kind.path)")
            let creation = document.operation("POST", "/admin/v1/\(kind.path)").map(document.body) ?? .null
            let given = kind.fields.filter { $0.presence != .later }
            #expect(Set(given.map(\.name)) == creation["properties"].names, "\(kind.path)")
            let required = given.filter { $0.presence == .required }.map(\.name)
            #expect(Set(required) == Set(creation["required"].elements.compactMap(\.string)), "\(kind.path)")
            let update = document.operation("PATCH", "/admin/v1/\(kind.path)/{id}").map(document.body) ?? .null
            #expect(Set(kind.fields.filter(\.isChangeable).map(\.name)) == update["properties"].names, "\(kind.path)")
            for field in kind.fields {
                let type = (update["properties"].names.contains(field.name) ? update : creation)["properties"][field.name]["type"]
                #expect(
                    (field.form == .text) == (type == .string("string") || type.elements.contains(.string("string"))), "\(kind.path) \(field.name)")
            }
        }
        let single = ["audit/verification", "freeze", "openslo", "mitigation-policy", "mitigation-plan", "status-page", "readiness"].map {
            "/admin/v1/\($0)"
        }
        let lists = document.operations.filter { $0.method == "GET" && !$0.path.contains("{") && !single.contains($0.path) }
        #expect(Set(lists.map(\.path)) == Set(Self.kinds.map { "/admin/v1/\($0.path)" }))
    }

    @Test func `help names filters and fields`() {
        let list = PlimsollCommand.helpMessage(for: ListVerb<Keys>.self)
        #expect(list.contains("Filters:\n    tenant  id or name") || list.contains("Filters:\n  tenant  id or name"))
        let creation = PlimsollCommand.helpMessage(for: CreateVerb<Tenants>.self)
        #expect(creation.contains("display_name *") && creation.contains("allowed_regions") && !creation.contains("state"))
        #expect(PlimsollCommand.helpMessage(for: UpdateVerb<Tenants>.self).contains("active or suspended"))
    }
}
