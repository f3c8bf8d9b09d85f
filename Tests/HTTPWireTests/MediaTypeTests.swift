import HTTPWire
import Testing

@Suite struct MediaTypeTests {
    private func isJSON(_ text: String) -> Bool {
        Array("x:\(text)|".utf8).withUnsafeBytes { MediaType.isJSON($0, 2..<$0.count - 1) }
    }

    @Test(arguments: [
        "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
        "application/json ; Charset=\"utf-8\" ;",
    ])
    func jsonIsJSON(_ text: String) { #expect(isJSON(text)) }

    @Test(arguments: [
        "", ";", "application/json-patch+json", "application/jsonx", "application/json, text/plain", "application/json; charset=utf-16", "text/plain",
        "application/json; x=y", "application/x-www-form-urlencoded",
    ])
    func nothingElseIs(_ text: String) { #expect(!isJSON(text)) }
}
