import Domain

/// Tenants, workers and a request queue in simulated time: decode slots that are held for the whole answer, Poisson arrivals, and the queue's
/// pump every 25 ms. Everything follows from the seed.
struct QueueSimulation {
    /// One tenant's traffic.
    struct Stream {
        var tenant: String
        var tier: String
        var rules: QueueRules
        var service = ServiceClass.interactive
        /// Requests a second.
        var rate: Double
        /// Seconds.
        var from = 0.0
        var until: Double
        var prompt = 500
        var output = 200
        /// Seconds to the first token, or to the whole answer of batch.
        var objective = 1.5
    }

    struct Sample {
        var stream: Int
        /// Seconds.
        var arrived: Double
        /// Seconds from arrival to the first token; nil: refused.
        var firstToken: Double?
        var started: Double?
        /// When it was begun or refused.
        var left: Double
    }

    var streams: [Stream]
    var slots = 64
    /// Seconds a request holds its slot: half to one and a half times this.
    var hold = 4.0
    var prefill = 0.3
    /// At these seconds the number of slots changes.
    var changes: [(at: Double, slots: Int)] = []
    var seed: UInt64 = 1
    /// Tenants leave each other places free.
    var keepsHeadroom = false

    private enum Event {
        case arrival(Int)
        case departure(Int, ServedTokens)
        case pump
    }

    func run() -> [Sample] {
        var run = Run(self)
        return run.finish()
    }

    private struct Run {
        let plan: QueueSimulation
        var random: FixedGenerator
        var queue = RequestQueue()
        var samples: [Sample] = []
        var waiting: [QueueTicket: Int] = [:]
        var events: [(at: Int64, order: Int, event: Event)] = []
        var order = 0
        var busy = 0
        var held: [String: Int] = [:]
        var tenants = QueueTenants(ranks: 1)
        var now: Int64 = 0

        init(_ plan: QueueSimulation) {
            self.plan = plan
            random = FixedGenerator(state: plan.seed)
            for (index, stream) in plan.streams.enumerated() {
                var time = stream.from
                while true {
                    time += -Double.random(in: .leastNonzeroMagnitude..<1, using: &random).logarithm / stream.rate
                    guard time < stream.until else { break }
                    schedule(.arrival(index), at: time.microseconds)
                }
            }
            let end = plan.streams.map(\.until).max() ?? 0
            for tick in 0...Int(end * 40) { schedule(.pump, at: Int64(tick) * 25_000) }
            events.sort { ($0.at, $0.order) > ($1.at, $1.order) }
        }

        var slots: Int { plan.changes.last { $0.at.microseconds <= now }?.slots ?? plan.slots }
        var capacity: QueueCapacity { QueueCapacity(slots: slots, holdTime: plan.hold.microseconds) }

        mutating func finish() -> [Sample] {
            while let next = events.popLast() {
                now = next.at
                switch next.event {
                case .arrival(let stream): arrive(stream)
                case .departure(let sample, let expected): depart(sample, expected)
                case .pump: tenants.see(now: now) { [held] tenant in held[plan.streams[Int(tenant) - 1].tenant] ?? 0 }
                }
                if !waiting.isEmpty { serve() }
            }
            return samples
        }

        mutating func schedule(_ event: Event, at: Int64) {
            order += 1
            events.append((at, order, event))
        }

        /// Into the events that are already in order, the latest first.
        mutating func insert(_ event: Event, at: Int64) {
            order += 1
            var low = 0
            var high = events.count
            while low < high {
                let middle = (low + high) / 2
                if events[middle].at > at { low = middle + 1 } else { high = middle }
            }
            events.insert((at, order, event), at: low)
        }

        mutating func arrive(_ index: Int) {
            let stream = plan.streams[index]
            samples.append(Sample(stream: index, arrived: Double(now) / 1e6, left: Double(now) / 1e6))
            let sample = samples.count - 1
            guard !waiting.isEmpty || busy >= slots || isReserved(index) else {
                return begin(sample, ServedTokens(prompt: stream.prompt, output: stream.output))
            }
            let ahead = stream.service == .batch ? plan.hold : plan.prefill
            let request = QueuedRequest(
                line: .init(tier: stream.tier, service: stream.service), rules: stream.rules, tenant: stream.tenant, promptTokens: stream.prompt,
                outputTokens: 1000, bytes: stream.prompt * 4, arrived: now, deadline: now + (stream.objective - ahead).microseconds)
            guard case .waits(let ticket, let instead) = queue.arrive(request, capacity: capacity, now: now) else {
                tenants.refuse(UInt64(index + 1), rank: 0, hold: plan.hold.microseconds, now: now) { [held] in held[stream.tenant] ?? 0 }
                return
            }
            waiting[ticket] = sample
            tenants.add(UInt64(index + 1), rank: 0, now: now) { [held] in held[stream.tenant] ?? 0 }
            if let instead { refuse(instead) }
        }

        mutating func refuse(_ ticket: QueueTicket) {
            guard let sample = remove(ticket) else { return }
            samples[sample].left = Double(now) / 1e6
        }

        mutating func serve() {
            for late in queue.expire(now: now) { refuse(late) }
            while busy < slots {
                let reserved = reservedTickets()
                guard let start = queue.take(at: "w", now: now, fit: { reserved.contains($0) ? .reserved : .yes }),
                    let sample = remove(start.ticket)
                else { return }
                begin(sample, start.expected)
            }
        }

        mutating func remove(_ ticket: QueueTicket) -> Int? {
            guard let sample = waiting.removeValue(forKey: ticket) else { return nil }
            tenants.remove(UInt64(samples[sample].stream + 1), rank: 0, now: now)
            return sample
        }

        func reservedTickets() -> Set<QueueTicket> {
            let streams = Set(plan.streams.indices.filter(isReserved))
            return streams.isEmpty ? [] : Set(waiting.filter { streams.contains(samples[$0.value].stream) }.keys)
        }

        func isReserved(_ stream: Int) -> Bool {
            guard plan.keepsHeadroom, let neighbours = tenants.neighbours(of: UInt64(stream + 1), rank: 0) else { return false }
            let own = held[plan.streams[stream].tenant] ?? 0
            return !Headroom.isSmall(held: own, slots: slots, tenants: neighbours.tenants)
                && !Headroom.allowsPlace(held: own, moving: busy - own - neighbours.steady, free: slots - busy)
        }

        mutating func begin(_ sample: Int, _ expected: ServedTokens) {
            busy += 1
            held[plan.streams[samples[sample].stream].tenant, default: 0] += 1
            samples[sample].started = Double(now) / 1e6
            samples[sample].left = Double(now) / 1e6
            samples[sample].firstToken = Double(now) / 1e6 - samples[sample].arrived + plan.prefill
            let held = plan.hold * Double.random(in: 0.5..<1.5, using: &random)
            insert(.departure(sample, expected), at: now + held.microseconds)
        }

        mutating func depart(_ sample: Int, _ expected: ServedTokens) {
            busy -= 1
            held[plan.streams[samples[sample].stream].tenant, default: 0] -= 1
            let stream = plan.streams[samples[sample].stream]
            queue.settle(
                .init(tier: stream.tier, service: stream.service), tenant: stream.tenant, expected: expected,
                used: ServedTokens(prompt: stream.prompt, output: stream.output))
        }
    }
}

extension [QueueSimulation.Sample] {
    /// Of the streams, in this time.
    func of(_ streams: Set<Int>, from: Double = 0, until: Double = .infinity) -> Self {
        filter { streams.contains($0.stream) && $0.arrived >= from && $0.arrived < until }
    }

    /// Seconds that 95 of a hundred of those that were answered did not exceed.
    var p95: Double {
        let sorted = compactMap(\.firstToken).sorted()
        return sorted.isEmpty ? .infinity : sorted[Swift.min(sorted.count - 1, sorted.count * 95 / 100)]
    }

    /// Begun in this time and inside the objective.
    func goodput(objective: Double, from: Double, until: Double) -> Int {
        count { sample in
            guard let started = sample.started, let first = sample.firstToken else { return false }
            return started >= from && started < until && first <= objective
        }
    }

    var answered: Double { isEmpty ? 1 : Double(count { $0.firstToken != nil }) / Double(count) }
}

extension Double {
    var microseconds: Int64 { Int64(self * 1_000_000) }

    /// Natural, of a number in (0, 1], by its series: the standard library has none.
    var logarithm: Double {
        var mantissa = self
        var twos = 0.0
        while mantissa < 0.5 {
            mantissa *= 2
            twos -= 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        var power = ratio
        var sum = 0.0
        for step in 0..<20 {
            sum += power / Double(2 * step + 1)
            power *= ratio * ratio
        }
        return 2 * sum + twos * 0.693_147_180_559_945_3
    }
}

extension QueueRules {
    /// The three tiers as installations ship them.
    static func tier(_ name: String) -> QueueRules {
        var rules = QueueRules()
        rules.rank = ["hobby": 10, "pro": 20, "business": 30][name] ?? 0
        rules.isProtected = name != "hobby"
        return rules
    }
}
