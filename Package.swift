// swift-tools-version: 6.3
import PackageDescription

/// The same rules for every target: language mode 6, the upcoming features that make imports and isolation explicit, no warnings.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .treatAllWarnings(as: .error),
]

/// Targets on the path of a customer's bytes. The compiler still proves exclusive access where it can; the run-time check is left out
/// because it cost 2.5 to 4 % of all samples in the relay.
let dataPath: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// Targets whose release build is laid out by what Deploy/profile saw them run: that lies together, the rest out of the way. At 2,000 requests a second
/// nearly all of a request's time in the gateway goes to fetching code that other programs have pushed out of the caches meanwhile.
let isProfiling = Context.environment["PLIMSOLL_PROFILE"] == "generate"
let profile = isProfiling ? "-ir-profile-generate" : "-ir-profile-use=\(Context.packageDirectory)/Deploy/gateway.profdata"
let customerPath: [SwiftSetting] = dataPath + [.unsafeFlags(["-Xfrontend", profile], .when(configuration: .release))]

/// For programs on machines that have no Swift runtime. Of a library that is linked in only what is used becomes resident, and calls into it
/// are direct: a request takes 7 % less time in the gateway's own code.
let runtimeIncluded: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib"]), .linkedLibrary("_FoundationCollections"), .linkedLibrary("_FoundationCShims"),
]

extension Target.Dependency {
    static let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
    static let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
    static let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
    static let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
    static let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
    static let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
    static let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
    static let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
    static let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
    static let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
    static let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
    static let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
    static let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
}

let package = Package(
    name: "plimsoll",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    ],
    targets: [
        // System libraries and the little C that Swift cannot say.
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLibcurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CEpoll"),
        .target(name: "CPlatform"),
        .target(name: "CReactor"),

        // Values and rules: no I/O, no clock, no logging.
        .target(name: "HTTPWire", dependencies: ["CPlatform"], swiftSettings: customerPath),
        .target(name: "OpenAIWire", dependencies: ["HTTPWire"], swiftSettings: customerPath),
        .target(name: "PlimsollWire", swiftSettings: strict),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: strict),
        .target(name: "Domain", dependencies: ["Cryptography"], swiftSettings: strict),

        // Adapters: they do not import each other.
        .target(name: "Postgres", dependencies: ["CLibpq", .logging], swiftSettings: strict),
        .target(name: "Migrations", path: "Migrations", resources: [.embedInCode("sql")], swiftSettings: strict),
        .target(name: "Outbound", dependencies: ["CLibcurl", .logging], swiftSettings: strict),
        .target(name: "Telemetry", dependencies: ["CPlatform", .logging, .metrics], swiftSettings: strict),
        .target(name: "Reactor", dependencies: ["CReactor", .nioCore, .nioPosix], swiftSettings: customerPath),
        .target(name: "Exchange", dependencies: ["HTTPWire", "Reactor", .nioCore], swiftSettings: customerPath),
        .target(
            name: "Link",
            dependencies: [
                "Exchange", "HTTPWire", "Cryptography", .nioCore, .nioPosix, .nioTLS, .nioSSL, .nioHTTP2, .nioHPACK, .logging, .lifecycle,
            ],
            swiftSettings: customerPath),
        .target(
            name: "Program",
            dependencies: [
                "HTTPWire", "Telemetry", "CPlatform", .nioCore, .nioPosix, .nioHTTP1, .logging, .lifecycle, .unixSignals, .configuration, .arguments,
            ],
            swiftSettings: strict),

        // The rooms where the work is done.
        .target(
            name: "ControlPlane",
            dependencies: [
                "Domain", "PlimsollWire", "Postgres", "Migrations", "Cryptography", "Telemetry", "HTTPWire", "Outbound", .hummingbird,
                .hummingbirdTLS, .httpTypes, .nioCore, .nioSSL, .logging, .lifecycle,
            ],
            swiftSettings: strict),
        .target(name: "Console", dependencies: ["PlimsollWire", "Domain"], swiftSettings: strict),
        .target(
            name: "Gateway",
            dependencies: [
                "CPlatform", "Domain", "PlimsollWire", "OpenAIWire", "HTTPWire", "Reactor", "Exchange", "Link", "Outbound", "Cryptography",
                "Telemetry", .nioCore, .nioPosix, .nioTLS, .nioSSL, .nioHTTP2, .nioHPACK, .logging, .lifecycle,
            ],
            swiftSettings: customerPath),
        .target(
            name: "Agent",
            dependencies: [
                "CPlatform", "Domain", "PlimsollWire", "HTTPWire", "Exchange", "Link", "Outbound", "Cryptography", "Telemetry", .nioCore, .nioPosix,
                .logging, .lifecycle,
            ],
            swiftSettings: strict),
        .target(
            name: "Commands",
            dependencies: ["Domain", "Cryptography", "Outbound", "HTTPWire", "Program", "Telemetry", "CPlatform", .arguments],
            swiftSettings: strict),

        // Programs: main, configuration, wiring.
        .executableTarget(name: "plimsoll", dependencies: ["Commands", .arguments], swiftSettings: strict),
        .executableTarget(
            name: "plimsoll-control",
            dependencies: [
                "ControlPlane", "Console", "Domain", "Postgres", "Migrations", "Cryptography", "Telemetry", "Program", .hummingbird, .arguments,
                .logging,
                .lifecycle,
            ], swiftSettings: strict),
        .executableTarget(
            name: "plimsoll-gateway",
            dependencies: [
                "Gateway", "Link", "Exchange", "Domain", "Cryptography", "Outbound", "PlimsollWire", "CPlatform", "Telemetry", "Program", .nioCore,
                .nioPosix, .arguments,
                .logging, .lifecycle,
            ],
            swiftSettings: strict, linkerSettings: runtimeIncluded + (isProfiling ? [.unsafeFlags(["-profile-generate"])] : [])),
        .executableTarget(
            name: "plimsoll-agent",
            dependencies: [
                "Agent", "Domain", "Link", "Exchange", "Cryptography", "Outbound", "PlimsollWire", "CPlatform", "Telemetry", "Program", .nioCore,
                .nioPosix, .arguments, .logging, .lifecycle,
            ],
            swiftSettings: strict, linkerSettings: runtimeIncluded),

        // Tools for tests, drills and load. Never installed by a package.
        .target(name: "SimulatedRuntime", dependencies: [.nioHTTP1, .nioCore, .nioPosix, .logging, .lifecycle], swiftSettings: strict),
        .executableTarget(
            name: "plimsoll-simulated-runtime", dependencies: ["SimulatedRuntime", "Program", .arguments, .logging, .lifecycle],
            swiftSettings: strict),
        .executableTarget(
            name: "plimsoll-bench", dependencies: ["CEpoll", .arguments, .heap], swiftSettings: dataPath),

        .target(
            name: "TestSupport", dependencies: ["Postgres", "Outbound", "Cryptography", .logging, .nioCore, .nioPosix], path: "Tests/TestSupport",
            exclude: ["Python", "Clock"], swiftSettings: strict),
        .testTarget(name: "HTTPWireTests", dependencies: ["HTTPWire"], swiftSettings: strict),
        .testTarget(name: "OpenAIWireTests", dependencies: ["OpenAIWire", "HTTPWire"], swiftSettings: strict),
        .testTarget(name: "PlimsollWireTests", dependencies: ["PlimsollWire"], swiftSettings: strict),
        .testTarget(name: "ConsoleTests", dependencies: ["Console", "Domain", "PlimsollWire", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography"], swiftSettings: strict),
        .testTarget(name: "DomainTests", dependencies: ["Domain", "Cryptography"], exclude: ["Vectors"], swiftSettings: strict),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "Migrations", "TestSupport", .logging], swiftSettings: strict),
        .testTarget(name: "OutboundTests", dependencies: ["Outbound", .nioCore, .nioPosix], swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", .logging, .metrics], swiftSettings: strict),
        .testTarget(name: "ProgramTests", dependencies: ["Program", "Telemetry", .logging, .lifecycle], swiftSettings: strict),
        .testTarget(name: "ReactorTests", dependencies: ["Reactor", .nioCore, .nioPosix], swiftSettings: strict),
        .testTarget(name: "ExchangeTests", dependencies: ["Exchange", "TestSupport", .nioCore, .nioPosix, .nioEmbedded], swiftSettings: strict),
        .testTarget(
            name: "LinkTests", dependencies: ["Link", "Exchange", "Cryptography", .nioCore, .nioPosix, .nioEmbedded, .nioHTTP2, .nioHPACK, .nioSSL],
            swiftSettings: strict),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "TestSupport", "Cryptography", "PlimsollWire", "HTTPWire", "Postgres", "Migrations", "Domain", "Outbound",
                "Telemetry", .logging, .lifecycle, .nioSSL,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Exchange", "PlimsollWire", "Domain", "OpenAIWire", "HTTPWire", "Link", "Telemetry", "Cryptography", "TestSupport",
                "SimulatedRuntime", .logging, .lifecycle, .nioCore, .nioPosix, .nioEmbedded, .nioHTTP1, .nioHTTP2, .nioHPACK, .nioSSL,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "Fuzz", dependencies: ["HTTPWire", "OpenAIWire", "Gateway", "Domain", "PlimsollWire", "Cryptography"],
            exclude: ["Corpora", "Dictionaries", "Driver"], swiftSettings: strict),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Link", "Exchange", "Outbound", "PlimsollWire", "Cryptography", "Telemetry", "HTTPWire", .logging, .lifecycle, .nioCore,
                .nioPosix, .nioEmbedded,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CommandsTests",
            dependencies: ["Commands", "HTTPWire", "ControlPlane", "TestSupport", "Domain", "Cryptography", "Postgres", .arguments, .logging],
            swiftSettings: strict),
        .testTarget(name: "SimulatedRuntimeTests", dependencies: ["SimulatedRuntime", .nioCore, .nioPosix], swiftSettings: strict),
        .testTarget(name: "EndToEndTests", dependencies: ["TestSupport", "Outbound", "PlimsollWire", "Postgres", "Gateway"], swiftSettings: strict),
    ]
)

// PLIMSOLL_ONLY=GatewayTests,DomainTests leaves only these targets and what they need: short builds for work on one part.
if let names = Context.environment["PLIMSOLL_ONLY"] {
    var wanted: Set<String> = []
    var next = names.split(separator: ",").map(String.init)
    while let name = next.popLast() {
        guard wanted.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { continue }
        for case .byNameItem(let dependency, _) in target.dependencies { next.append(dependency) }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
}
