import Domain
import HTTPWire
import TestSupport
import Testing

@testable import ControlPlane

/// Documents as the specification of OpenSLO v1 has them (OpenSLO/OpenSLO, README.md), and what is not judged here refused.
@Suite struct OpenSLOTests {
    /// Members of one object of the specification, and what its members are.
    private struct Shape: Sendable {
        var required: Set<String> = []
        var optional: Set<String> = []
        /// Shapes of members; those of a list's items too.
        var members: [String: Shape] = [:]
        /// How many items lists have.
        var counts: [String: ClosedRange<Int>] = [:]
        /// Anything may be in it.
        var isFree = false

        func faults(_ value: JSONValue, at place: String) -> [String] {
            guard !isFree else { return [] }
            guard let object = value.object else { return ["\(place) is no object"] }
            let names = Set(object.names)
            var faults = required.subtracting(names).map { "\(place).\($0) is missing" }
            faults += names.subtracting(required.union(optional)).map { "\(place).\($0) is not of the specification" }
            for (name, count) in counts where !count.contains(value[name]?.array?.count ?? (names.contains(name) ? -1 : count.lowerBound)) {
                faults.append("\(place).\(name) has another number of items")
            }
            for (name, shape) in members {
                guard let member = value[name] else { continue }
                faults += (member.array ?? [member]).flatMap { shape.faults($0, at: "\(place).\(name)") }
            }
            return faults
        }
    }

    private static let metric = Shape(
        required: ["metricSource"],
        members: ["metricSource": Shape(required: ["type", "spec"], optional: ["metricSourceRef"], members: ["spec": Shape(isFree: true)])])
    private static let metadata = Shape(
        required: ["name"], optional: ["displayName", "labels", "annotations"], members: ["annotations": Shape(isFree: true)])

    private static func document(_ spec: Shape) -> Shape {
        Shape(required: ["apiVersion", "kind", "metadata", "spec"], members: ["metadata": metadata, "spec": spec])
    }

    /// Those that are exported. An inline condition is a document without a version.
    private static let kinds: [String: Shape] = [
        "Service": document(Shape(optional: ["description"])),
        "AlertNotificationTarget": document(Shape(required: ["target"], optional: ["description"])),
        "AlertPolicy": document(
            Shape(
                required: ["conditions", "notificationTargets"],
                optional: ["description", "alertWhenNoData", "alertWhenResolved", "alertWhenBreaching"],
                members: [
                    "notificationTargets": Shape(required: ["targetRef"]),
                    "conditions": Shape(
                        required: ["kind", "metadata", "spec"],
                        members: [
                            "metadata": metadata,
                            "spec": Shape(
                                required: ["severity", "condition"], optional: ["description"],
                                members: ["condition": Shape(required: ["kind", "op", "threshold", "lookbackWindow"], optional: ["alertAfter"])]),
                        ]),
                ],
                counts: ["conditions": 1...1, "notificationTargets": 1...100])),
        "SLO": document(
            Shape(
                required: ["service", "indicator", "budgetingMethod", "objectives"], optional: ["description", "timeWindow", "alertPolicies"],
                members: [
                    "alertPolicies": Shape(required: ["alertPolicyRef"]),
                    "indicator": Shape(
                        required: ["metadata", "spec"],
                        members: [
                            "metadata": metadata,
                            "spec": Shape(
                                required: ["ratioMetric"], optional: ["description"],
                                members: [
                                    "ratioMetric": Shape(required: ["counter", "good", "total"], members: ["good": metric, "total": metric])
                                ]),
                        ]),
                    "timeWindow": Shape(
                        required: ["duration", "isRolling"], optional: ["calendar"],
                        members: ["calendar": Shape(required: ["startTime", "timeZone"])]),
                    "objectives": Shape(required: ["target"], optional: ["displayName", "timeSliceTarget", "timeSliceWindow"]),
                ],
                counts: ["timeWindow": 1...1, "objectives": 1...1])),
    ]

    private func exported(_ admin: AdminFixture) async throws -> [JSONValue] {
        try JSONValue.parse(try await admin.get("openslo").text)["documents"]?.array ?? []
    }

    private func send(_ admin: AdminFixture, _ documents: [JSONValue]) async throws -> JSONClient.Answer {
        try await admin.post("openslo", "{\"documents\":[\(documents.map(\.json).joined(separator: ","))]}")
    }

    @Test func `what is exported has the members that the specification asks for, and no others`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.patch("objectives/errors", #"{"period": "rolling", "burn_alerts": false, "freezes": true}"#)
            _ = try await admin.post("objectives", #"{"name": "whole", "kind": "availability", "region": "eu", "target_ppm": 1000000}"#)
            let documents = try await exported(admin)
            #expect(documents.count == 12, "\(documents.count)")
            for document in documents {
                let kind = try #require(document["kind"]?.string)
                #expect(document["apiVersion"]?.string == "openslo/v1")
                #expect(try #require(Self.kinds[kind]).faults(document, at: kind).isEmpty, "\(document.json)")
                guard kind == "SLO" else { continue }
                let objective = try #require(document["spec"]?["objectives"]?.array?.first)
                #expect((0..<1).contains(objective["target"]?.double ?? 1), "\(document.json)")
                let isSliced = document["spec"]?["budgetingMethod"]?.string == "Timeslices"
                #expect((objective["timeSliceTarget"] != nil) == isSliced && (objective["timeSliceWindow"] != nil) == isSliced)
            }
            let policies = Set(documents.filter { $0["kind"]?.string == "AlertPolicy" }.compactMap { $0["metadata"]?["name"]?.string })
            let named = documents.flatMap { $0["spec"]?["alertPolicies"]?.array ?? [] }.compactMap { $0["alertPolicyRef"]?.string }
            #expect(policies.count == 4 && Set(named) == policies)
            let taken = try await send(admin, documents)
            #expect(taken.status == 201 && taken.json["imported"].elements.count == 6, "\(taken.text)")
            #expect(try await exported(admin) == documents, "nothing has changed")
            #expect(try await admin.get("objectives/whole").json["target_ppm"] == .number(1_000_000))
        }
    }

    @Test func `what would be judged otherwise than a document says is refused at its place`() async throws {
        try await AdminFixture.run { admin in
            let text = try await admin.get("openslo").text
            let source = #"{"metricSource":{"type":"plimsoll","spec":{"kind":"error_rate"}}}"#
            for (written, other, place) in [
                ("\"good\":\(source)", #""good":{"metricSource":{"type":"prometheus","spec":{"query":"up"}}}"#, "ratioMetric"),
                ("\"good\":\(source)", "\"bad\":\(source)", "ratioMetric"), ("\"good\":\(source),", "", "ratioMetric"),
                (#"{"alertPolicyRef":"burn-1h"},"#, "", "alertPolicies"),
                (#"{"alertPolicyRef":"burn-1h"}"#, #"{"alertPolicyRef":"mine"}"#, "alertPolicies.0"),
                (#""threshold":14.4"#, #""threshold":2"#, "alertPolicies.0"),
                (#""lookbackWindow":"60m""#, #""lookbackWindow":"5m""#, "alertPolicies.0"),
                (#""severity":"page""#, #""severity":"sev1""#, "alertPolicies.0"),
                (#""alertWhenNoData":false"#, #""alertWhenNoData":true"#, "alertPolicies.0"),
                (#""isRolling":false,"calendar""#, #""isRolling":true,"calendar""#, "timeWindow"),
            ] {
                #expect(text.contains(written), "\(written)")
                let refused = try await admin.post("openslo", text.replacing(written, with: other))
                #expect(refused.status == 400 && refused.text.contains(place), "\(other): \(refused.text)")
            }
        }
    }

    @Test func `a calendar says that a window does not roll, and policies may stand in their place`() async throws {
        try await AdminFixture.run { admin in
            let documents = try await exported(admin)
            let policies = documents.filter { $0["kind"]?.string == "AlertPolicy" }.map(\.json).joined(separator: ",")
            let slo = try #require(documents.first { $0["metadata"]?["name"]?.string == "availability" }).json
            let references = OpenSLOAlerts.references
            let inline = slo.replacing(references, with: policies).replacing(#""isRolling":false,"#, with: "")
            _ = try await admin.patch("objectives/availability", #"{"burn_alerts": false}"#)
            let taken = try await admin.post("openslo", "{\"documents\":[\(inline)]}")
            #expect(inline != slo && taken.status == 201, "\(taken.text)")
            let found = try await admin.get("objectives/availability").json
            #expect(found["burn_alerts"] == .bool(true) && found["period"].string == "calendar")
            let other = inline.replacing(#""threshold":6"#, with: #""threshold":7"#)
            #expect(try await admin.post("openslo", "{\"documents\":[\(other)]}").status == 400)
            // As earlier releases wrote it.
            let old = slo.replacing(references, with: #""burn""#)
            #expect(try await admin.post("openslo", "{\"documents\":[\(old)]}").status == 201)
        }
    }
}

extension JSONValue {
    fileprivate var json: String { String(decoding: text, as: UTF8.self) }
}
