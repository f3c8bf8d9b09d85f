import FoundationEssentials

/// One case of the file: named inputs and the exact results that they must give.
struct WorkedCase: Decodable {
    let id: String
    let area: String
    let title: String
    let inputs: [String: CaseValue]
    let expected: [String: CaseValue]

    struct File: Decodable {
        let vectors: [WorkedCase]
    }

    static func load() throws -> [WorkedCase] {
        let copy = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Vectors/slo-and-money.json")
        let path = ProcessInfo.processInfo.environment["PLIMSOLL_VECTORS"] ?? copy.path
        let data = try Data(contentsOf: URL(filePath: path))
        return try JSONDecoder().decode(File.self, from: data).vectors
    }
}

/// A way to compute results, chosen by the names of the inputs.
struct CaseShape: Sendable {
    let required: Set<String>
    var optional: Set<String> = []
    let compute: @Sendable (CaseInputs) throws -> [String: CaseValue]

    func fits(_ names: Set<String>) -> Bool {
        required.isSubset(of: names) && names.isSubset(of: required.union(optional))
    }
}

enum CaseVerdict: Equatable {
    case passed
    case failed(String)
    case skipped

    var word: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .skipped: "skipped"
        }
    }
}

extension WorkedCase {
    static let areas: [String: [CaseShape]] = [
        "SLI": OutcomeCases.shapes,
        "MIN": MinuteCases.shapes,
        "LAT": LatencyCases.shapes,
        "HIS": HistogramCases.shapes,
        "MTR": MeteringCases.shapes,
        "PRC": PriceCases.shapes,
        "EB": BudgetCases.shapes,
        "BR": BurnCases.shapes,
        "FRZ": BurnCases.freezes,
        "CR": CreditCases.shapes,
        "INC": IncidentCases.shapes,
        "PRV": ProviderCases.shapes,
        "EVD": EvidenceCases.shapes,
    ]

    func run() -> CaseVerdict {
        guard let shapes = Self.areas[area] else { return .skipped }
        guard let shape = shapes.first(where: { $0.fits(Set(inputs.keys)) }) else {
            return .failed("no rule takes the inputs \(inputs.keys.sorted())")
        }
        do {
            let computed = try shape.compute(CaseInputs(values: inputs))
            let wrong = expected.sorted { $0.key < $1.key }.filter { computed[$0.key] != $0.value }
            guard let first = wrong.first else { return .passed }
            return .failed("\(first.key) is \(computed[first.key].map(\.description) ?? "not computed"), expected \(first.value)")
        } catch {
            return .failed("\(error)")
        }
    }
}
