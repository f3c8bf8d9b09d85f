import ArgumentParser
import FoundationEssentials
import HTTPWire
import Program

/// `plimsoll drill provider-loss --compress --load 4`
struct DrillCommand: AsyncParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case workerLoss = "worker-loss"
        case providerLoss = "provider-loss"
        case slowRegion = "slow-region"
        case wrongAnswers = "wrong-answers"
        case controlLoss = "control-loss"
    }

    static let configuration = CommandConfiguration(
        commandName: "drill", abstract: "Breaks something on purpose and tells whether the promise held.",
        discussion: """
            A drill is synthetic: gateways behave as if a worker or a provider were gone, a region slow, a worker's answers to probes wrong, or the
            control plane away. It is refused where nobody else would be left to serve, while a real page is open there or a budget is spent
            (--override-reason), while another runs, and while what an earlier one left behind would spoil it: --wait waits for that. It ends by itself,
            and can be aborted (Ctrl-C, or plimsoll drills abort). What customers feel of it counts; what its own load meets does not, when its key is
            made with purpose=drill.

            Exit codes as elsewhere; 1 also when the promise did not hold, and 2 when that is not proven, because too few requests met the drill or it
            was aborted.
            """)

    @OptionGroup var options: AdminOptions
    @Argument(help: "worker-loss, provider-loss, slow-region, wrong-answers or control-loss.") var kind: Kind
    @Option(help: "Id of the worker; without it one is chosen.") var worker: String?
    @Option(help: "The provider; without it one is chosen.") var provider: String?
    @Option(help: "The region; without it all, or the only one.") var region: String?
    @Option(help: "Milliseconds by which a slow region is late.") var delay = 1_000
    @Option(help: "How long it lasts; 120, or 40 where it is compressed.") var seconds: Int?
    @Flag(help: "Probes, holds and clean times go by twelve times as fast for it.") var compress = false
    @Option(help: "Times as fast, from 2 to 60, where --compress says twelve.") var compression: Int?
    @Option(help: "Why, for the record.") var reason = "drill"
    @Option(help: "Why it must begin although a real page is open there, or a budget is spent.") var overrideReason: String?
    @Option(
        help: "Requests at once that it sends while it lasts, to OPENAI_BASE_URL with OPENAI_API_KEY, or to PLIMSOLL_URL with PLIMSOLL_DRILL_KEY.")
    var load = 0
    @Flag(help: "Wait, half an hour at most, for another drill's end and until what it left behind is gone. Ctrl-C ends that.") var wait = false

    /// Times as fast; nil: as usual.
    private var haste: Int? { compression ?? (compress ? 12 : nil) }

    func validate() throws {
        guard (0...64).contains(load) else { throw ValidationError("--load must be from 0 to 64") }
        guard compression.map({ (2...60).contains($0) }) ?? true else { throw ValidationError("--compression must be from 2 to 60") }
        guard seconds.map({ (5...900).contains($0) }) ?? true else { throw ValidationError("--seconds must be from 5 to 900") }
    }

    func run() async throws {
        let ending = try await CommandFailure.reporting {
            let client = try options.client()
            let load = try DrillLoad(load, streams: kind == .slowRegion, environment: ProcessEnvironment.current)
            let start = DrillStart(client: client, wish: .object(wish), waits: wait)
            let watch = DrillWatch(client: client, options: options, load: load)
            return try await ProgramSignals.run { try await watch.follow(try await start.begin()) }
        }
        switch ending {
        case .reported(.held): return
        case .reported(.failed): throw ProgramExit.refused
        case .reported(.unproven), .aborted: throw ProgramExit.unproven
        }
    }

    /// What the server is asked for.
    var wish: JSONObject {
        var wish = JSONObject()
        func add(_ name: String, _ value: JSONValue?) { if let value { _ = wish.append(name, value) } }
        add("kind", .string(kind.rawValue))
        add("worker", worker.map(JSONValue.string))
        add("provider", provider.map(JSONValue.string))
        add("region", region.map(JSONValue.string))
        if kind == .slowRegion { add("delay_milliseconds", .integer(Int64(delay))) }
        add("seconds", .integer(Int64(seconds ?? (haste == nil ? 120 : 40))))
        add("compression", haste.map { .integer(Int64($0)) })
        add("reason", .string(reason))
        add("override_reason", overrideReason.map(JSONValue.string))
        return wish
    }
}

enum Drills: AdminKind {
    static let path = "drills"
    static let noun = "drill"
    static let columns: [AdminColumn] = ["id", "kind", "state", "provider", "region", "worker", "started_at", "ended_at", "requested_by"]
    static let filters: [KindFilter] = [
        KindFilter("kind", "worker-loss, provider-loss, slow-region, wrong-answers or control-loss"), .since, .until,
    ]
    static let fields: [KindField] = [
        .required("kind", changeable: false),
        .optional("worker", changeable: false),
        .optional("provider", changeable: false),
        .optional("region", changeable: false),
        .optional("delay_milliseconds", form: .json, changeable: false),
        .optional("seconds", form: .json, changeable: false),
        .optional("compression", form: .json, changeable: false),
        .required("reason", changeable: false),
        .optional("override_reason", changeable: false),
    ]
}

struct DrillsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drills", abstract: "Drills, and what they have shown.",
        subcommands: [ListVerb<Drills>.self, GetVerb<Drills>.self, AbortDrill.self])
}

/// `plimsoll drills abort ID`
struct AbortDrill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "abort", abstract: "Ends a drill now.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var id: String

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("POST", "drills/\(AdminClient.escape(id))/abort"))
        }
    }
}
