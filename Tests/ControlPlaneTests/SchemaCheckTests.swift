import FoundationEssentials
import TestSupport
import Testing

/// The check that other tests hold the server's answers with finds what is wrong with an answer.
@Suite struct SchemaCheckTests {
    private static let schema = """
        {"type": "object", "required": ["id", "state"], "properties": {
            "id": {"type": "string", "format": "uuid"}, "state": {"type": "string", "enum": ["on", "off"]},
            "count": {"type": ["integer", "null"], "minimum": 0, "maximum": 9}, "at": {"type": "string", "format": "date-time"},
            "name": {"$ref": "#/components/schemas/Name"}, "tags": {"type": "array", "items": {"type": "string"}}}}
        """
    private static let id = "0192f0c1-7a2b-7000-8000-000000000001"

    private func faults(_ answer: String) throws -> [String] {
        let operation = "{\"responses\": {\"200\": {\"content\": {\"application/json\": {\"schema\": \(Self.schema)}}}}}"
        let name = "{\"type\": \"string\", \"pattern\": \"^[a-z]+$\", \"maxLength\": 3}"
        let text = "{\"paths\": {\"/x\": {\"get\": \(operation)}}, \"components\": {\"schemas\": {\"Name\": \(name)}}}"
        let document = OpenAPIDocument(root: try JSONDecoder().decode(JSONTree.self, from: Data(text.utf8)))
        let found = try #require(document.operation("GET", "/x"))
        return document.faults(found, status: 200, try JSONDecoder().decode(JSONTree.self, from: Data(answer.utf8)))
    }

    @Test(arguments: ["", ", \"count\": null", ", \"count\": 9, \"name\": \"abc\", \"tags\": [\"a\"], \"at\": \"2030-01-31T12:00:00Z\""])
    func `an answer as documented has no faults`(_ rest: String) throws {
        #expect(try faults("{\"id\": \"\(Self.id)\", \"state\": \"on\"\(rest)}") == [])
    }

    @Test(arguments: [
        ("\"state\": \"on\"", "id: is missing"), ("\"id\": \"x\", \"state\": \"on\"", "is no UUID"),
        ("\"id\": \"\(id)\", \"state\": \"half\"", "state: is none of"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"more\": 1", "more: is not documented"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"count\": 1.5", "count: is not integer"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"count\": 10", "count: is out of"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"name\": \"abcd\"", "name: has a wrong length"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"name\": \"A\"", "name: does not match"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"tags\": [\"a\", 1]", "tags[1]: is not string"),
        ("\"id\": \"\(id)\", \"state\": null", "state: is not string"),
        ("\"id\": \"\(id)\", \"state\": \"on\", \"at\": \"now\"", "at: is no instant"),
    ])
    func `what differs is found`(_ members: String, _ fault: String) throws {
        let found = try faults("{\(members)}")
        #expect(found.count == 1 && found[0].contains(fault))
    }
}
