import FoundationEssentials
import HTTPWire
import TestSupport
import Testing

@testable import Commands

/// OpenSLO in YAML, against PyYAML and through the command line.
@Suite(.timeLimit(.minutes(3))) struct OpenSLOFileTests {
    private static let checks = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "TestSupport/Python/yaml_checks.py").path()

    /// What PyYAML makes of a text.
    private func python(_ arguments: [String], _ input: [UInt8]) async throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, target) = (folder.appending(path: "in").path(), folder.appending(path: "out").path())
        try Data(input).write(to: URL(filePath: source))
        try await ToolRun.run(["/usr/bin/python3", Self.checks] + arguments + [source, target])
        return Array(try Data(contentsOf: URL(filePath: target)))
    }

    private static let texts = [
        "", "plain", "yes", "12", "1.50", "2024-01-01", "a: b", "- x", "é🙂", "two\nlines\n", "trailing ", "'", "\"\\", "null", "~", "on", "07",
        "# no", "x #y",
        "99.9 % a month", "1M", "http://x/y?z=1#w",
    ]

    private static func value(_ seed: inout Int, _ depth: Int) -> JSONValue {
        seed = (seed &* 1_103_515_245 &+ 12_345) & 0x7FFF_FFFF
        let draw = seed >> 8
        switch depth == 0 ? draw % 4 : draw % 6 {
        case 0: return .string(texts[draw / 7 % texts.count])
        case 1: return .integer(Int64(draw) - 4_000_000)
        case 2: return .number([0.999, 0.00025, 14.4, 1.5e-7][draw / 7 % 4])
        case 3: return draw / 7 % 3 == 0 ? .null : .bool(draw / 7 % 2 == 0)
        case 4: return .array((0..<draw / 7 % 4).map { _ in value(&seed, depth - 1) })
        default:
            var object = JSONObject()
            for place in 0..<draw / 7 % 5 { _ = object.append("k\(place) \(texts[(draw + place) % texts.count])", value(&seed, depth - 1)) }
            return .object(object)
        }
    }

    @Test func `what is written is read alike by PyYAML, and what PyYAML writes is read alike here`() async throws {
        var seed = 7
        let values = (0..<300).map { _ in Self.value(&seed, 4) }
        let written = YAMLWriter.documents(values)
        #expect(try JSONValue.parse(try await python([], Array(written.utf8))) == .array(values))
        // PyYAML breaks texts with line ends over several lines, which is not read here: those aside.
        let simple = values.filter { !String(decoding: $0.text, as: UTF8.self).contains("lines") }
        #expect(simple.count > 100)
        for style in [["--dump"], ["--dump", "--flow"]] {
            let dumped = try await python(style, JSONValue.array(simple).text)
            #expect(try YAMLReader.documents(dumped) == simple)
        }
    }

    @Test func `an example of the specification is read as PyYAML reads it`() async throws {
        let text = """
            # An SLO as OpenSLO v1 has it.
            apiVersion: openslo/v1
            kind: SLO
            metadata:
              name: tiny-availability
              displayName: "Availability: 99.9 %"
            spec:
              description: |
                Minutes that are good,
                  by the month.
              service: plimsoll
              indicator:
                metadata: {name: tiny}
                spec: &metric
                  ratioMetric:
                    counter: true
                    good: {metricSource: &source {type: plimsoll, spec: {kind: availability, model: tiny}}}
                    total: {metricSource: *source}
              timeWindow:
              - duration: 1M
                isRolling: false
                calendar:
                  startTime: 2024-01-01 00:00:00 # of any month
                  timeZone: Europe/Berlin
              budgetingMethod: Timeslices
              objectives:
                - displayName: >-
                    availability
                    of tiny
                  target: 0.9995
                  timeSliceTarget: 0.95
                  timeSliceWindow: 1m
            ---
            apiVersion: openslo/v1
            kind: Service
            metadata: {name: plimsoll}
            spec: {description: !!str 12}
            """
        let documents = try YAMLReader.documents(Array(text.utf8))
        #expect(try JSONValue.parse(try await python([], Array(text.utf8))) == .array(documents) && documents.count == 2)
    }

    @Test func `objectives go out as YAML and come back`() async throws {
        try await AdminWorld.run { world in
            let exported = try await world.plimsoll("objectives", "export", "--yaml")
            #expect(exported.exit == 0 && exported.output.hasPrefix("---\napiVersion: openslo/v1\nkind: Service\n"), "\(exported)")
            let path = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)").path()
            defer { try? FileManager.default.removeItem(atPath: path) }
            try Data((exported.output + "\n").replacing("target: 0.999\n", with: "target: 0.9995 # stricter\n").utf8).write(to: URL(filePath: path))
            let taken = try await world.plimsoll("objectives", "import", path)
            #expect(taken.exit == 0, "\(taken)")
            let listed = try await world.plimsoll("objectives", "list", "--output", "json")
            #expect(listed.output.contains("999500"), "\(listed)")
            try Data("a: b\nc: yes\n".utf8).write(to: URL(filePath: path))
            let refused = try await world.plimsoll("objectives", "import", path)
            #expect(refused.exit == 1 && refused.errors.contains("line 2"), "\(refused)")
        }
    }
}
