import PlimsollWire

/// What a runtime says about itself once its model is loaded.
struct RuntimeFacts: Sendable, Equatable {
    var servedModel: String?
    var version: String?
    var slots: Int?
    var contextTokens: Int?

    private struct ModelList: Decodable {
        struct Model: Decodable {
            var id: String
            var maxModelLen: Int?
        }

        var data: [Model]
    }

    private struct Properties: Decodable {
        struct Generation: Decodable {
            var nCtx: Int?
        }

        var totalSlots: Int?
        var buildInfo: String?
        var defaultGenerationSettings: Generation?
    }

    private struct VersionAnswer: Decodable {
        var version: String
    }

    /// Answer of `/v1/models`: the first model, and the context length that vLLM adds to it.
    mutating func read(models body: some Sequence<UInt8>) {
        guard let list = try? WireCoder.decode(ModelList.self, from: body), let model = list.data.first else { return }
        servedModel = String(model.id.prefix(256))
        contextTokens = model.maxModelLen.flatMap(Self.sane) ?? contextTokens
    }

    /// Answer of llama.cpp's `/props`: slots, and the context of each slot.
    mutating func read(properties body: some Sequence<UInt8>) {
        guard let properties = try? WireCoder.decode(Properties.self, from: body) else { return }
        slots = properties.totalSlots.flatMap(Self.sane) ?? slots
        contextTokens = properties.defaultGenerationSettings?.nCtx.flatMap(Self.sane) ?? contextTokens
        version = properties.buildInfo.map { String($0.prefix(64)) } ?? version
    }

    /// Answer of vLLM's `/version`.
    mutating func read(version body: some Sequence<UInt8>) {
        guard let answer = try? WireCoder.decode(VersionAnswer.self, from: body) else { return }
        version = String(answer.version.prefix(64))
    }

    /// Numbers from a runtime are believed within a range that a scheduler could work with.
    private static func sane(_ number: Int) -> Int? {
        (1...16_777_216).contains(number) ? number : nil
    }
}
