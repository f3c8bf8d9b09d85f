import PlimsollWire

/// When a heartbeat is due and whether it carries the inventory. No clock of its own.
struct HeartbeatSchedule {
    /// What the control plane must hear of at once when it changes.
    struct Facts: Equatable {
        var state: AgentState
        var runtimes: [RuntimeReport]
        var gateways: [String]
    }

    /// Shortest time between two heartbeats that a change causes.
    static let changeGap = Duration.milliseconds(250)
    /// Longest time between two looks at what nobody rings for: links that come and go.
    static let look = Duration.seconds(2)
    /// The inventory is repeated after this, for what moves in it.
    static let inventoryAge = Duration.seconds(60)

    private var due: ContinuousClock.Instant
    private var lastSent: ContinuousClock.Instant?
    private var sentFacts: Facts?
    private var sentInventory: (value: Inventory, at: ContinuousClock.Instant)?
    private var wantsInventory = true
    private var failing = false
    private var backoff = Backoff(minimum: .milliseconds(500), maximum: .seconds(15))

    init(now: ContinuousClock.Instant) {
        due = now
    }

    func isDue(_ facts: Facts, now: ContinuousClock.Instant) -> Bool {
        if now >= due { return true }
        guard let lastSent, !failing else { return false }
        return facts != sentFacts && now - lastSent >= Self.changeGap
    }

    /// How long to wait for a ring before the next look.
    func pause(_ facts: Facts, now: ContinuousClock.Instant) -> Duration {
        // A drain ends without a ring, and a host's first link is waited for.
        let isSettled = facts.state != .draining && !facts.gateways.isEmpty && (facts == sentFacts || failing)
        return min(isSettled ? Self.look : Self.changeGap, max(.milliseconds(10), due - now))
    }

    func inventory(_ inventory: Inventory?, now: ContinuousClock.Instant) -> Inventory? {
        guard let inventory else { return nil }
        guard !wantsInventory, let sent = sentInventory else { return inventory }
        return inventory.lasting != sent.value.lasting || now - sent.at >= Self.inventoryAge ? inventory : nil
    }

    mutating func sent(_ facts: Facts, inventory: Inventory?, answer: HeartbeatResponse, now: ContinuousClock.Instant) {
        failing = false
        backoff.reset()
        lastSent = now
        sentFacts = facts
        if let inventory { sentInventory = (inventory, now) }
        wantsInventory = answer.wantsInventory
        // An answer that asks for nothing or for an hour is not believed.
        due = answer.wantsInventory && inventory == nil ? now + Self.changeGap : now + .seconds(min(60, max(1, answer.nextHeartbeatSeconds)))
    }

    mutating func failed(now: ContinuousClock.Instant) {
        failing = true
        due = now + backoff.next()
    }
}
