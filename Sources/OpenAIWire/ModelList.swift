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

    package static func list(_ models: [ModelDescription]) -> [UInt8] {
        var bytes = Array(#"{"object":"list","data":["#.utf8)
        for (index, model) in models.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += model.body
        }
        return bytes + Array("]}".utf8)
    }
}
