import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// The customers' port of the real program.
    @Suite struct EdgeTests {
        @Test(.timeLimit(.minutes(3))) func http2IsSpokenByTheLetterAndFloodsEndTheirConnection() async throws {
            try await StandaloneGateway.with { gateway in
                let found = try await gateway.findings(of: "http2_conformance.py")
                print("HTTP/2 conformance: \(found)")
                #expect(found["failed"] as? Int == 0)
                #expect((found["passed"] as? Int ?? 0) >= 173)
                #expect(try await gateway.metric("plimsoll_gateway_http2_connections_broken_total") > 0)
                #expect(try await gateway.metric("plimsoll_gateway_requests_in_flight") == 0)
            }
        }

        /// By beginning anew as the same process, with whatever else the operator has told the allocator.
        @Test(
            .timeLimit(.minutes(3)),
            arguments: [
                ("", "glibc.malloc.tcache_count=128"), ("glibc.malloc.tcache_count=9", "glibc.malloc.tcache_count=9"),
                ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.tcache_count=128"),
            ])
        func enoughFreeBlocksAreKept(_ told: String, _ expected: String) async throws {
            let environment = told.isEmpty ? [:] : ["GLIBC_TUNABLES": told]
            try await StandaloneGateway.with(wrapper: ["env"] + environment.map { "\($0)=\($1)" }) { gateway in
                let begun = try Data(contentsOf: URL(filePath: "/proc/\(gateway.process.pid)/environ"))
                // The loader ends each setting where it has read it.
                let variables = ":" + begun.map { $0 == 0 ? ":" : String(UnicodeScalar($0)) }.joined()
                #expect(variables.contains(":GLIBC_TUNABLES=\(expected):") && variables.components(separatedBy: "tcache_count").count == 2)
                let name = try String(contentsOfFile: "/proc/\(gateway.process.pid)/comm", encoding: .utf8)
                #expect(name.hasPrefix("plimsoll-gatewa"))
            }
        }

        @Test(.timeLimit(.minutes(3))) func officialClientAndCurlAreServedOverTLS() async throws {
            try await StandaloneGateway.with(hasTLS: true) { gateway in
                let found = try await gateway.findings(of: "tls_client.py", [gateway.folder + "/chain.pem"])
                #expect((found["default"] as? [String])?.first == "TLSv1.3" && (found["default"] as? [String])?[2] == "h2")
                #expect((found["tls12"] as? [String])?[1].hasPrefix("ECDHE-") == true)
                #expect((found["tls11"] as? [String])?.count == 1)
                #expect(found["http11"] as? String == "http/1.1")
                for (name, version) in [("h2", "HTTP/2"), ("h1", "HTTP/1.1")] {
                    let client = try #require(found[name] as? [String: Any])
                    #expect(client["versions"] as? [String] == [version])
                    #expect(client["tokens"] as? Int == 5 && client["usage"] as? Int == 5 && client["large"] as? Int == 5)
                    #expect(client["many"] as? [Int] == [5] && client["models"] as? [String] == [StandaloneGateway.model])
                    #expect(found[name + "_error"] as? String == "model_not_found")
                }
                #expect(found["curl"] as? [String] == ["2 200", "1.1 200"])
                #expect(found["close"] as? String == "1.1 200" && (found["close_seconds"] as? Double ?? 60) < 5)
                #expect(found["plain"] as? Bool == true)
                #expect(try await gateway.metric("plimsoll_gateway_bodies_read_aside_total") == 2)
                #expect(try await gateway.metric("plimsoll_gateway_tls_handshakes_failed_total") >= 2)
            }
        }

        /// The same rule on addresses, told by the connection's header and by a field of the request; and one on text.
        @Test(.timeLimit(.minutes(3)), arguments: [true, false]) func rulesOfTheFileGoByTheAddressBehindAProxy(speaksProxy: Bool) async throws {
            let rules: [[String: any Sendable]] = [
                ["name": "bad-network", "kind": "address", "pattern": "203.0.113.0/24"],
                ["name": "no-word", "kind": "expression", "pattern": #"forbidden\s+word"#, "message": "Not that."],
            ]
            var settings: [String: any Sendable] = ["rules": rules, "trusted_proxies": ["127.0.0.0/8"]]
            if speaksProxy { settings["proxy_protocol"] = true } else { settings["client_address_header"] = "x-forwarded-for" }
            try await StandaloneGateway.with(hasTLS: speaksProxy, settings: settings) { gateway in
                let found = try await gateway.findings(of: "proxy_client.py", speaksProxy ? [gateway.folder + "/chain.pem"] : [])
                #expect(found["good"] as? [Int] == [200, 200] && found["blocked"] as? [Int] == [403, 403])
                #expect(found["text"] as? [Int] == [400, 400] && found["message"] as? Bool == true)
                #expect(found["silent"] as? String == (speaksProxy ? "closed" : "200"))
            }
        }

        @Test func faultsOfRulesAreNamedBeforeTheStart() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/rules-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let file: [String: Any] = [
                "trusted_proxies": ["10.0.0.1/8"], "proxy_protocol": true,
                "rules": [
                    ["name": "a", "kind": "expression", "pattern": "(x"], ["name": "a", "kind": "address", "pattern": "1.2.3", "action": "flag"],
                    ["name": "b", "pattern": "x", "tenant": "nobody"],
                ],
            ]
            try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: folder + "/gateway.json"))
            let child = try ChildProcess(
                Checkout.program("plimsoll-gateway"), ["check-config", "--standalone", folder + "/gateway.json"], errors: folder + "/errors")
            #expect(try await child.ended(within: .seconds(30)) == 64)
            let faults = String(decoding: FileManager.default.contents(atPath: folder + "/errors") ?? Data(), as: UTF8.self)
            for fault in ["(character 1)", "192.0.2.0/24", "must be refuse", "tenant of no key", #"name "a" twice"#, "10.0.0.0/8"] {
                #expect(faults.contains(fault), "\(fault): \(faults)")
            }
        }

        @Test func aTenantOfTwoTiersAndASecretOfTwoKeysAreNamedBeforeTheStart() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/keys-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let keys = [
                ["name": "a", "tenant": "acme", "tier": "pro", "key": "sk-one"], ["name": "b", "tenant": "acme", "tier": "hobby", "key": "sk-two"],
                ["name": "c", "tier": "pro", "key": "sk-two"],
            ]
            let file: [String: Any] = ["tiers": [["name": "pro"], ["name": "hobby"]], "keys": keys]
            try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: folder + "/gateway.json"))
            let child = try ChildProcess(
                Checkout.program("plimsoll-gateway"), ["check-config", "--standalone", folder + "/gateway.json"], errors: folder + "/errors")
            #expect(try await child.ended(within: .seconds(30)) == 64)
            let faults = String(decoding: FileManager.default.contents(atPath: folder + "/errors") ?? Data(), as: UTF8.self)
            for fault in [#"those of tenant "acme" are of several tiers"#, #""b" and "c" are the same secret"#] {
                #expect(faults.contains(fault), "\(fault): \(faults)")
            }
        }

        /// G11: keys are never asked for in the clear, but on this host or behind a proxy with TLS.
        @Test func plainHTTPIsRefusedBeforeTheStartWhereOthersCouldReadIt() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/plain-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await StandaloneGateway.makeCertificate(in: folder, name: "plain")
            let tls = ["certificate_file": folder + "/chain.pem", "key_file": folder + "/key.pem"]
            let cases: [(listen: String, more: [String: any Sendable], status: Int32)] = [
                ("0.0.0.0:7800", [:], 64), ("192.0.2.1:7800", [:], 64), ("[::]:7800", [:], 64), ("0.0.0.0:7800", ["behind_proxy": true], 0),
                ("0.0.0.0:7800", ["tls": tls], 0), ("127.0.0.1:7800", [:], 0), ("[::1]:7800", [:], 0),
            ]
            for (number, (listen, more, status)) in cases.enumerated() {
                let file = StandaloneGateway.settings(folder, "http://127.0.0.1:9").merging(more) { $1 }.merging(["listen": listen]) { $1 }
                try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: folder + "/gateway.json"))
                let errors = folder + "/errors-\(number)"
                let child = try ChildProcess(
                    Checkout.program("plimsoll-gateway"), ["check-config", "--standalone", folder + "/gateway.json"], errors: errors)
                let ended = try await child.ended(within: .seconds(30))
                let faults = String(decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self)
                #expect(ended == status && faults.contains("is plain HTTP and must be a loopback address") == (status == 64), "\(listen): \(faults)")
            }
        }

        @Test(.timeLimit(.minutes(2)), arguments: [true, false]) func aGatewayThatKnowsNoAddressesSaysSoAtItsStart(isTrusting: Bool) async throws {
            var settings: [String: any Sendable] = ["behind_proxy": true]
            if isTrusting { settings.merge(["trusted_proxies": ["127.0.0.0/8"], "client_address_header": "x-forwarded-for"]) { $1 } }
            try await StandaloneGateway.with(settings: settings) { gateway in
                #expect(gateway.log.contains("customers' addresses are not known") != isTrusting)
            }
        }

        @Test(.timeLimit(.minutes(2))) func certificatesAreReadAgainAndBadOnesRefused() async throws {
            try await StandaloneGateway.with(hasTLS: true) { gateway in
                let first = try await certificate(gateway)
                try await StandaloneGateway.makeCertificate(in: gateway.folder, name: "second")
                gateway.process.signal(SIGHUP)
                try await Waiting.until("the second certificate", within: .seconds(20)) { try await certificate(gateway) != first }
                let second = try await certificate(gateway)
                // A key that is not the certificate's, and nobody says that it is there.
                let key = try Data(contentsOf: URL(fileURLWithPath: gateway.folder + "/key.pem"))
                try await ToolRun.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", gateway.folder + "/key.pem"])
                try await Waiting.until("the refusal", within: .seconds(20)) { gateway.log.contains("was refused: the old one stays") }
                #expect(try await certificate(gateway) == second)
                try key.write(to: URL(fileURLWithPath: gateway.folder + "/key.pem"))
                gateway.process.signal(SIGHUP)
                let renewed = #"plimsoll_gateway_certificate_reloads_total{result="used"}"#
                try await Waiting.until("the last one", within: .seconds(20)) { try await gateway.metric(renewed) >= 2 }
                #expect(try await certificate(gateway) == second)
            }
        }

        @Test(.timeLimit(.minutes(2))) func aThousandSlowClientsHoldNobodyUp() async throws {
            let times = ["head": "3s", "body": "2s", "between_tokens": "5s"]
            try await StandaloneGateway.with(settings: ["times": times]) { gateway in
                let found = try await gateway.findings(of: "slow_clients.py", ["drip", "1000"])
                print("slow clients: \(found)")
                #expect(found["heads"] as? Int == 334 && found["bodies"] as? Int == 333)
                // Both ends and the runtime share two cores with the other tests.
                #expect((found["during"] as? Double ?? .infinity) < 1)
            }
        }

        @Test(.timeLimit(.minutes(2))) func idleConnectionsAreClosedInTime() async throws {
            try await StandaloneGateway.with(settings: ["times": ["head": "8s"]]) { gateway in
                let found = try await gateway.findings(of: "slow_clients.py", ["idle", "3000"])
                print("idle connections: \(found)")
                #expect(found["closed"] as? Int == 3000)
                try await Waiting.until("an empty gateway", within: .seconds(20)) { try await gateway.metric("plimsoll_gateway_connections") == 0 }
            }
        }

        @Test(.timeLimit(.minutes(3))) func tenThousandIdleConnectionsAreHeldInLittleMemory() async throws {
            let settings: [String: any Sendable] = ["connections": 12_000, "times": ["idle": "170s"]]
            try await StandaloneGateway.with(settings: settings) { gateway in
                let found = try await gateway.findings(of: "slow_clients.py", ["hold", "10000", "\(gateway.operationsPort)"])
                print("ten thousand idle connections: \(found)")
                #expect(found["answered"] as? Int == 10_000)
                // Bytes, as in docs/benchmarks.md.
                #expect((found["each"] as? Int ?? .max) < 12 * 1024)
            }
        }

        @Test(.timeLimit(.minutes(2))) func withFewDescriptorsStreamsLiveAndNewConnectionsWait() async throws {
            try await StandaloneGateway.with(wrapper: ["/usr/bin/prlimit", "--nofile=64:64"]) { gateway in
                let found = try await gateway.findings(of: "slow_clients.py", ["flood", "200"])
                #expect((found["tokens"] as? Int ?? 0) >= 1500)
                #expect(gateway.process.isRunning && gateway.log.contains("no connections are accepted for a while"))
            }
        }

        /// Hash of what is served now.
        private func certificate(_ gateway: StandaloneGateway) async throws -> String? {
            let found = try await gateway.findings(of: "tls_client.py", [gateway.folder + "/chain.pem", "probe"])
            return (found["default"] as? [String])?.last
        }
    }
}
