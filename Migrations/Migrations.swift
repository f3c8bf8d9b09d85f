/// Every migration in the order in which it runs. The list is written by hand, so that a forgotten file shows in review.
package enum Migrations {
    package struct File: Sendable {
        /// Such as `V0001_schemas_and_roles`.
        package let name: String
        package let sql: [UInt8]
    }

    package static let all: [File] = [
        File(name: "V0001_schemas_and_roles", sql: PackageResources.V0001_schemas_and_roles_sql),
        File(name: "V0002_customers", sql: PackageResources.V0002_customers_sql),
        File(name: "V0003_catalogue", sql: PackageResources.V0003_catalogue_sql),
        File(name: "V0004_fleet", sql: PackageResources.V0004_fleet_sql),
        File(name: "V0005_table_and_leases", sql: PackageResources.V0005_table_and_leases_sql),
        File(name: "V0006_usage", sql: PackageResources.V0006_usage_sql),
        File(name: "V0007_minutes", sql: PackageResources.V0007_minutes_sql),
        File(name: "V0008_audit", sql: PackageResources.V0008_audit_sql),
        File(name: "V0009_wake_ups", sql: PackageResources.V0009_wake_ups_sql),
        File(name: "V0010_upkeep", sql: PackageResources.V0010_upkeep_sql),
        File(name: "V0011_renewals", sql: PackageResources.V0011_renewals_sql),
        File(name: "V0012_row_wake_ups", sql: PackageResources.V0012_row_wake_ups_sql),
        File(name: "V0013_table_lineage", sql: PackageResources.V0013_table_lineage_sql),
        File(name: "V0014_lost_enrolments", sql: PackageResources.V0014_lost_enrolments_sql),
        File(name: "V0015_queues", sql: PackageResources.V0015_queues_sql),
        File(name: "V0016_model_kinds", sql: PackageResources.V0016_model_kinds_sql),
        File(name: "V0017_abuse_rules", sql: PackageResources.V0017_abuse_rules_sql),
        File(name: "V0018_behaviour", sql: PackageResources.V0018_behaviour_sql),
        File(name: "V0019_captures", sql: PackageResources.V0019_captures_sql),
        File(name: "V0020_masking", sql: PackageResources.V0020_masking_sql),
        File(name: "V0021_routing_rules", sql: PackageResources.V0021_routing_rules_sql),
        File(name: "V0022_limits_and_prices", sql: PackageResources.V0022_limits_and_prices_sql),
        File(name: "V0023_quota_leases", sql: PackageResources.V0023_quota_leases_sql),
        File(name: "V0024_rate_shares", sql: PackageResources.V0024_rate_shares_sql),
        File(name: "V0025_key_uses", sql: PackageResources.V0025_key_uses_sql),
        File(name: "V0026_workers_out", sql: PackageResources.V0026_workers_out_sql),
        File(name: "V0027_incidents", sql: PackageResources.V0027_incidents_sql),
        File(name: "V0028_minute_totals", sql: PackageResources.V0028_minute_totals_sql),
        File(name: "V0029_probes", sql: PackageResources.V0029_probes_sql),
        File(name: "V0030_status_page", sql: PackageResources.V0030_status_page_sql),
        File(name: "V0031_promises", sql: PackageResources.V0031_promises_sql),
        File(name: "V0032_drills", sql: PackageResources.V0032_drills_sql),
        File(name: "V0033_backup_links", sql: PackageResources.V0033_backup_links_sql),
        File(name: "V0034_evidence", sql: PackageResources.V0034_evidence_sql),
        File(name: "V0035_provider_scores", sql: PackageResources.V0035_provider_scores_sql),
        File(name: "V0036_launch", sql: PackageResources.V0036_launch_sql),
        File(name: "V0037_drill_baseline", sql: PackageResources.V0037_drill_baseline_sql),
        File(name: "V0038_worker_restarts", sql: PackageResources.V0038_worker_restarts_sql),
        File(name: "V0039_runtime_log_tails", sql: PackageResources.V0039_runtime_log_tails_sql),
        File(name: "V0040_credit_evidence", sql: PackageResources.V0040_credit_evidence_sql),
        File(name: "V0041_budget_events", sql: PackageResources.V0041_budget_events_sql),
        File(name: "V0042_fallback_proof", sql: PackageResources.V0042_fallback_proof_sql),
        File(name: "V0043_drill_evidence", sql: PackageResources.V0043_drill_evidence_sql),
        File(name: "V0044_mitigation_reach", sql: PackageResources.V0044_mitigation_reach_sql),
        File(name: "V0045_incident_tenants", sql: PackageResources.V0045_incident_tenants_sql),
        File(name: "V0046_report_links", sql: PackageResources.V0046_report_links_sql),
        File(name: "V0047_status_looks", sql: PackageResources.V0047_status_looks_sql),
    ]
}
