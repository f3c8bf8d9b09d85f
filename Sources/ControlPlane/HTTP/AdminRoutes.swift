package import FoundationEssentials
package import Logging

/// Every route of the admin API with who may use it: registered from here, and compared with `docs/openapi.yaml` from here.
package enum AdminRoutes {
    package static func all(
        tokens: EnrolmentTokens, signer: EvidenceSigner? = nil, publicURL: String? = nil,
        report: @escaping TenantReport.Render = { _, _ in "" }, now: @escaping @Sendable () -> Date = { Date() },
        logger: Logger = Logger(label: "plimsoll-control")
    ) -> [AdminRoute] {
        customers + TenantReport.routes(report) + reportLinks(publicURL) + catalogue + fleet(tokens) + records + abuse + promise
            + DrillResource.routes + incidents + status
            + EvidenceResource.routes(signer) + [ReadinessResource.list(now, logger)]
    }

    private static func reportLinks(_ publicURL: String?) -> [AdminRoute] {
        ReportLinkResource.resource.reads + [ReportLinkResource.creation(publicURL), ReportLinkResource.revocation]
    }

    private static var customers: [AdminRoute] {
        let tiers = AdminResource.tiers
        let tenants = AdminResource.tenants
        let keys = KeyResource.resource
        return tiers.reads + [AdminResource.tierCreation, AdminResource.tierUpdate.heldToBudgets, tiers.removal]
            + tenants.reads + [tenants.creation, AdminResource.tenantUpdate.keepingLimits(.tenant, of: tenants), AdminResource.tenantRemoval]
            + keys.reads + [KeyResource.creation, keys.update.keepingLimits(.key, of: keys), KeyResource.rotation, KeyResource.revocation]
            + [QuotaResource.list]
    }

    private static var models: [AdminRoute] {
        let models = AdminResource.models
        return models.reads + [models.creation, models.update.keepingPromises, models.removal.keepingPromises]
    }

    private static var catalogue: [AdminRoute] {
        let releases = ReleaseResource.resource
        return models + releases.reads + [ReleaseResource.creation, ReleaseResource.update, releases.removal]
            + AdminResource.skus.reads + [SKUTemplate.list, SKUCreation.route, SKUActivation.update, AdminResource.skus.removal]
            + [FallbackDrillResource.list, FallbackDrillResource.creation] + swapped(.providers)
            + swapped(.pools, AdminResource.poolCreation) + [
                RoutingWeightResource.list, RoutingWeightResource.creation,
            ]
            + [PriceResource.list, PriceResource.creation]
    }

    private static func fleet(_ tokens: EnrolmentTokens) -> [AdminRoute] {
        HostResource.resource.reads
            + [HostResource.operationList, HostResource.operation, HostResource.drain, HostResource.resume, HostResource.revocation]
            + AdminResource.workers.reads + [AdminResource.workerUpdate, AdminResource.workerRestart]
            + GatewayResource.resource.reads + [GatewayResource.revocation]
            + EnrolmentTokenResource.resource.reads + [EnrolmentTokenResource.creation(tokens), EnrolmentTokenResource.revocation]
    }

    private static var records: [AdminRoute] {
        [
            UsageRecordResource.list, RequestResource.single, UsageQuarantineResource.list, UsageQuarantineResource.decision, MinuteResource.list,
            ProbeResource.list,
            ProbeResource.verdictList, ProbeResource.costList, ProviderScoreResource.list, ProviderScoreResource.history, AuditResource.list,
            AuditResource.verification,
            AdminTokenResource.list,
            AdminTokenResource.single, AdminTokenResource.creation, AdminTokenResource.revocation,
        ]
    }

    private static var abuse: [AdminRoute] {
        let rules = RuleResource.resource
        return rules.reads + [RuleResource.creation, rules.update, rules.removal, AbuseEventResource.list, KeyUseResource.list]
            + CaptureResource.resource.reads + [CaptureResource.erasure]
    }

    private static var promise: [AdminRoute] {
        let objectives = ObjectiveResource.resource
        let (windows, exclusions) = (MaintenanceResource.resource, ExclusionResource.resource)
        let changes = [ObjectiveResource.creation, objectives.update, objectives.removal, OpenSLO.imports].map(\.keepingPromises.heldToBudgets)
        return objectives.reads + changes + [OpenSLO.export]
            + [BudgetResource.list, BudgetResource.entries, BudgetResource.burn]
            + [FreezeResource.state] + FreezeResource.passes.reads + [FreezeResource.creation, FreezeResource.approval]
            + windows.reads + [MaintenanceResource.creation, MaintenanceResource.cancellation]
            + exclusions.reads + [ExclusionResource.creation, ExclusionResource.approval, ExclusionResource.withdrawal]
            + TermsResource.resource.reads + [TermsResource.creation, TermsResource.retirement, TermsResource.addendum, TermsResource.addendumText]
            + AgreementResource.resource.reads + [AgreementResource.creation, AgreementResource.approval, AgreementResource.ending]
            + [AgreementAddendum.document, AgreementAddendum.text]
            + CreditResource.resource.reads + [CreditResource.computation, CreditResource.waiting]
    }

    private static var incidents: [AdminRoute] {
        IncidentResource.routes + MitigationResource.routes + PageResource.routes + ScalerResource.routes
    }

    private static var status: [AdminRoute] {
        StatusPostResource.resource.reads
            + [
                StatusPostResource.creation, StatusPostResource.update, StatusPostResource.correction, StatusPostResource.veto,
                StatusPostResource.publication, StatusPageResource.single, StatusPageResource.update,
                ReadinessResource.attestation, ReadinessResource.withdrawal,
            ]
    }

    private static func swapped(_ resource: AdminResource, _ creation: AdminRoute? = nil) -> [AdminRoute] {
        resource.reads + [creation ?? resource.creation, resource.guardedUpdate, resource.removal]
    }
}
