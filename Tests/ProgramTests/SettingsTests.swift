import Telemetry
import Testing

@testable import Program

@Suite struct SettingsTests {
    private func faults(_ json: String, _ environment: [String: String] = [:], _ read: (SettingsReader) -> Void) -> [String] {
        let reader = SettingsReader(json: json, environment: environment)
        read(reader)
        do {
            try reader.finish()
            return []
        } catch {
            return error.faults
        }
    }

    @Test func everyFaultIsListedWithItsPlace() {
        let found = faults(#"{"listen":"nowhere","limits":{"body":"2 MB"},"runtimes":[{"name":7}]}"#) { reader in
            _ = reader.address("listen")
            _ = reader.object("limits").bytes("body")
            _ = reader.string("control_url")
            for runtime in reader.objects("runtimes") { _ = runtime.string("name") }
        }
        #expect(found.count == 4)
        #expect(found[0].hasPrefix("listen: must be an address") && found[1].hasPrefix("limits.body: must be a number of bytes"))
        #expect(found[2].hasPrefix("control_url: is required") && found[3].hasPrefix("runtimes[0].name: must be a text"))
    }

    @Test func environmentWinsOverFileOverDefault() {
        let json = #"{"link":{"idle":"5s"},"region":"file"}"#
        let environment = ["PLIMSOLL_LINK_IDLE": "250ms", "PLIMSOLL_PORT": "9"]
        let found = faults(json, environment) { reader in
            #expect(reader.object("link").duration("idle", default: .seconds(1)) == .milliseconds(250))
            #expect(reader.string("region", default: "code") == "file")
            #expect(reader.int("port", default: 7) == 9)
            #expect(reader.string("zone", default: "code") == "code")
        }
        #expect(found.isEmpty)
    }

    @Test func anUnknownKeyIsRefusedWithTheNearestName() {
        let found = faults(#"{"listn":"127.0.0.1:1","deep":{"colour":1,"color":2}}"#) { reader in
            _ = reader.optionalAddress("listen")
            _ = reader.object("deep").int("color")
        }
        #expect(found == ["listn: is not a setting; did you mean listen?", "deep.colour: is not a setting; did you mean color?"])
    }

    @Test func aWrongValueFromTheEnvironmentNamesItsVariableAndNotTheValue() {
        let found = faults("{}", ["PLIMSOLL_PORT": "s3cret"]) { _ = $0.int("port", default: 1) }
        #expect(found.count == 1 && found[0].hasPrefix("port (from PLIMSOLL_PORT): must be a whole number"))
        #expect(!found[0].contains("s3cret"))
    }

    @Test(arguments: [#"{"a":1,"a":2}"#, "[1]", "{", "{} x"])
    func aFileThatIsNoStrictObjectIsAFault(_ json: String) {
        #expect(faults(json) { _ in }.count == 1)
    }

    @Test func aMissingFileIsAFault() {
        let reader = SettingsReader(file: "/nonexistent/x.json", environment: [:])
        #expect(throws: SettingsFaults.self) { try reader.finish() }
    }

    @Test func aSecretIsNeverPrinted() {
        let reader = SettingsReader(json: #"{"token":"marker"}"#)
        #expect(reader.secret("token").exposed == "marker")
        #expect(!"\(reader.secret("token"))".contains("marker"))
    }

    @Test func aRangeIsKept() {
        #expect(
            faults(#"{"n":11,"d":"2h"}"#) { reader in
                _ = reader.int("n", in: 1...10)
                _ = reader.duration("d", default: .seconds(1), in: .zero ... .seconds(60))
            }.count == 2)
    }

    @Test func durationsBytesAndAddressesAreReadStrictly() {
        #expect(DurationText.parse("15m") == .seconds(900) && DurationText.parse("1.5s") == nil && DurationText.parse("5") == nil)
        #expect(DurationText.print(.seconds(86_400)) == "1d" && DurationText.print(.milliseconds(1500)) == "1500ms")
        #expect(ByteCountText.parse("64KiB") == 65_536 && ByteCountText.parse("-1") == nil && ByteCountText.parse("99999999999GiB") == nil)
        #expect(SettingsAddress("[::1]:80") == .tcp(host: "::1", port: 80) && SettingsAddress("::1:80") == nil)
        #expect(SettingsAddress("unix:/run/x") == .unix(path: "/run/x") && SettingsAddress("127.0.0.1:70000") == nil)
    }
}
