import FoundationEssentials
import HTTPWire

/// One model as `GET /v1/models` shows it.
package struct ModelDescription: Sendable, Equatable {
    package var id: String
    /// Seconds since 1970.
    package var created: Int64
    /// Tokens.
    package var contextLength: Int

    package init(id: String, created: Int64, contextLength: Int) {
        self.id = id
        self.created = created
        self.contextLength = contextLength
    }

    package var body: [UInt8] {
        var bytes = Array(#"{"id":"#.utf8) + BodyEdit.quoted(id)
        bytes += Array(#","object":"model","created":\#(created),"owned_by":"plimsoll","max_model_len":\#(contextLength)}"#.utf8)
        return bytes
    }

    /// As Anthropic's clients know it.
    package var anthropicBody: [UInt8] { anthropicValue.text }

    private var anthropicValue: JSONValue {
        let created = Date(timeIntervalSince1970: Double(created)).formatted(.iso8601)
        return ["type": "model", "id": .string(id), "display_name": .string(id), "created_at": .string(created)]
    }

    /// The whole list in one page, as Anthropic's clients know it.
    package static func anthropicList(_ models: [ModelDescription]) -> [UInt8] {
        JSONValue.object([
            "data": .array(models.map(\.anthropicValue)), "has_more": false, "first_id": models.first.map { .string($0.id) } ?? .null,
            "last_id": models.last.map { .string($0.id) } ?? .null,
        ]).text
    }

    package static func list(_ models: [ModelDescription]) -> [UInt8] {
        var bytes = Array(#"{"object":"list","data":["#.utf8)
        for (index, model) in models.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += model.body
        }
        return bytes + Array("]}".utf8)
    }
}
