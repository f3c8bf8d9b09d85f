import Domain
import FoundationEssentials
import Postgres

/// What an operator wants to be done.
struct MitigationWish {
    let values: (target: MitigationTarget, cause: String, seconds: Int64, incident: UUID?)

    private static let actions = MitigationAction.allCases.filter(\.isAutomatic).map(\.rawValue)

    init(_ fields: inout FieldReader) throws {
        let action = fields.text("action", .choice(Self.actions), .required).flatMap(MitigationAction.init)
        let cause = fields.text("reason", .reason, .required)
        var target = MitigationTarget(action ?? .drainWorker, &fields)
        target.value = fields.integer("value", action?.values ?? 1...1_000_000).map(Int.init)
        let seconds = fields.integer("seconds", 60...604_800) ?? MitigationPolicy().life(of: target)
        let incident = fields.uuid("incident")
        if let action { Self.judge(target, of: action, &fields) }
        try fields.finish()
        values = (target, cause ?? "", seconds, incident)
    }

    /// What it names must be what the action is about, and all that it needs of it.
    private static func judge(_ target: MitigationTarget, of action: MitigationAction, _ fields: inout FieldReader) {
        for (name, isThere) in needs(target) where !isThere && !fields.has(name) { fields.add(name, "is required for this action") }
        let foreign = target.named.filter { !action.subjects.contains($0) } + (action.values == nil && target.value != nil ? ["value"] : [])
        for name in foreign { fields.add(name, "does not belong to this action") }
        if target.toRegion != nil, target.toRegion == target.region { fields.add("to_region", "must be another region") }
        if target.toModel != nil, target.toModel == target.model { fields.add("to_model", "must be another model") }
    }

    private static func needs(_ target: MitigationTarget) -> [(String, Bool)] {
        let (model, value) = (("model", target.model != nil), ("value", target.value != nil))
        return switch target.action {
        case .restartWorker, .drainWorker: [("worker", target.worker != nil)]
        case .drainProvider: [("provider", target.provider != nil)]
        case .warmPool, .reservedCapacity: [("pool", target.pool != nil)]
        case .protectedPool: [("pool", target.pool != nil), ("tier", target.tier != nil)]
        case .backupRegion: [model, ("region", target.region != nil), ("to_region", target.toRegion != nil)]
        case .raiseWorkers: [model, ("region", target.region != nil)]
        case .rollBackImage: [model, ("release", target.release != nil)]
        case .shortenBatchWindow, .capOutput, .pauseLongPrompts: [value]
        case .throttleTenant: [("tenant", target.tenant != nil), value]
        case .fallbackModel: [model, ("to_model", target.toModel != nil), ("tier", target.tier != nil)]
        case .shedTier: [("tier", target.tier != nil)]
        default: []
        }
    }

    /// What it costs at the pace of the last minutes, and the workers that are ordered for it.
    ///
    /// - Parameter workers: How many; nil: as many as the policy would.
    static func reckon(
        _ target: MitigationTarget, workers: Int?, _ incident: UUID?, _ databases: ControlDatabases, _ connection: PostgresConnection
    ) async throws -> (MitigationCost, WorkerOrder?) {
        let now = Date()
        var fleet = try await FleetReader(listeningSince: .distantPast, now: now).read { try await connection.pipeline($0) }.view
        var reader = DemandReader(serving: databases.serving, billing: databases.billing, reliability: databases.reliability, now: now)
        if let value = target.value { (reader.cappedOutput, reader.longPrompt) = (value, value) }
        fleet.demand = try await reader.read { try await connection.query($0) }
        let order = target.action == .raiseWorkers ? try await order(target, workers: workers, incident, fleet, connection) : nil
        return (MitigationLadder(fleet: fleet).cost(target, workers: order?.workers ?? 1), order)
    }

    private static func order(
        _ target: MitigationTarget, workers: Int?, _ incident: UUID?, _ fleet: FleetView, _ connection: PostgresConnection
    ) async throws -> WorkerOrder {
        let drill = try await connection.queryOne("SELECT 1 AS yes FROM reliability.incident WHERE id = \(incident) AND drill")
        guard drill == nil else { throw AdminRefusal.conflict("drill", "no workers are ordered for a drill") }
        guard var order = fleet.order(target) else {
            throw AdminRefusal.conflict("no_scaler", "no active scaler covers this model and region")
        }
        if let workers { order.workers = workers }
        guard order.workers <= order.scaler.mostWorkers else {
            throw AdminRefusal.fault("value", "must be at most \(order.scaler.mostWorkers), by the scaler \(order.scaler.name)")
        }
        return order
    }

    static let inForce = AdminRefusal.conflict("in_force", "this is in force already")

    /// It must not be in force already, and what is drained or rolled back must leave somebody who serves in the region.
    static func check(_ target: MitigationTarget, _ connection: PostgresConnection) async throws {
        let same = try await connection.queryOne(
            """
            SELECT id FROM reliability.mitigation WHERE state = 'active' AND mode <> 'dry_run'
                AND (\(MitigationTarget.columns)) IS NOT DISTINCT FROM (\(target.values)) LIMIT 1
            """)
        guard same == nil else { throw inForce }
        guard target.action.isUrgent || target.action == .rollBackImage else { return }
        let now = Date()
        let fleet = try await FleetReader(listeningSince: .distantPast, now: now).read { try await connection.pipeline($0) }.view
        let situation = try await MitigationDesk(connection: connection, now: now).inForce(fleet)
        let standing = situation.standing.map(\.target)
        if let place = fleet.place(lostBy: target, beside: standing) {
            throw AdminRefusal.conflict("last_left", "nothing else would be left to serve \(place.text)")
        }
        // What a drill takes comes back, but not before its end.
        if let place = situation.fleet.place(lostBy: target, beside: standing) {
            throw AdminRefusal.conflict("last_left", "nothing else would be left to serve \(place.text) while a drill runs, which can be aborted")
        }
    }
}
