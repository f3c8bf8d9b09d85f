import Cryptography
import Exchange
import FoundationEssentials
import Logging
import PlimsollWire
import Testing

@testable import Agent

/// What an agent tells of the weights that its runtimes serve.
@Suite struct WeightsTests {
    private static let commands: [([String], RuntimeDialect, String?)] = [
        (["/usr/bin/llama-server", "-m", "/models/a.gguf", "--host", "127.0.0.1"], .llamacpp, "/models/a.gguf"),
        (["/usr/bin/llama-server", "--model=/models/a.gguf"], .llamacpp, "/models/a.gguf"),
        (["/usr/bin/vllm", "serve", "/models/snapshot", "--uds", "/run/v.sock"], .vllm, "/models/snapshot"),
        (["/usr/bin/vllm", "serve", "--model", "/models/snapshot"], .vllm, "/models/snapshot"),
        (["/usr/bin/vllm", "serve", "someone/something"], .vllm, nil), (["/usr/bin/llama-server", "-hf", "a/b"], .llamacpp, nil),
        (["/usr/bin/docker", "run", "image", "--model", "/models/snapshot"], .vllm, nil), ([], .vllm, nil),
    ]

    @Test(arguments: commands) func `a command names its weights by an absolute path of this host`(
        command: [String], dialect: RuntimeDialect, path: String?
    ) {
        #expect(RuntimeCommand(command, dialect: dialect).modelPath == path)
    }

    @Test func `one file has its own digest, several that of the list that sha256sum prints`() throws {
        let folder = try TemporaryFolder()
        let one = try folder.file("a.gguf", "one")
        let sum = Hex.encode(Hash.sha256("one").bytes)
        #expect(try digest(one) == sum)
        let split = try (1...2).map { try folder.file("m-0000\($0)-of-00002.gguf", "\($0)") }
        let list = (1...2).map { "\(Hex.encode(Hash.sha256("\($0)").bytes))  m-0000\($0)-of-00002.gguf\n" }.joined()
        #expect(try digest(split[0]) == Hex.encode(Hash.sha256(list).bytes))
        #expect(ModelFiles(path: folder.path + "/none.gguf") == nil && ModelFiles(path: "/proc") == nil)
    }

    @Test func `in a snapshot of Hugging Face the names of blobs are believed, and nothing is read but what has none`() throws {
        let folder = try TemporaryFolder()
        let name = String(repeating: "ab", count: 32)
        for part in ["/blobs", "/snapshots", "/snapshots/1"] {
            try FileManager.default.createDirectory(atPath: folder.path + part, withIntermediateDirectories: true)
        }
        _ = try folder.file("blobs/" + name, "not its content")
        _ = try folder.file("snapshots/1/config.json", "{}")
        _ = try folder.file("snapshots/1/model.bin", "of another kind")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/snapshots/1/model.safetensors", withDestinationPath: "../../blobs/" + name)
        #expect(try digest(folder.path + "/snapshots/1") == name)
    }

    @Test func `a digest that is known is not made again, until the file has changed`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.gguf", "one")
        let file = try #require(ModelFiles(path: path)).files[0]
        #expect(WeightsReading(pause: 0).read(path, known: [file: "known"])?.digests == ["known"])
        _ = try folder.file("a.gguf", "other")
        #expect(WeightsReading(pause: 0).read(path, known: [file: "known"])?.digests == [Hex.encode(Hash.sha256("other").bytes)])
        let stopped = WeightsReading(pause: 0)
        stopped.stop()
        #expect(stopped.read(path, known: [:]) == nil)
    }

    @Test func `weights are told of the process that loaded them, and of none whose file has changed since`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.gguf", "one")
        let status = RuntimeStatus(
            configuration: RuntimeConfiguration(
                name: "r", release: "x", dialect: .llamacpp, address: .unix(path: "/r"), command: ["/bin/llama", "-m", path, "--host", "/r.sock"]))
        status.publish(state: .ready)
        status.publish(holding: .ours(process: "1"))
        let keeper = WeightsKeeper(
            runtimes: [status], cache: folder.path + "/weights.json", interval: .milliseconds(5), pause: 0, logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keeper.run() }
            let first = "sha256:" + Hex.encode(Hash.sha256("one").bytes)
            #expect(await eventually { status.report.weightsDigest == first })
            #expect(
                FileManager.default.contents(atPath: folder.path + "/weights.json").map { String(decoding: $0, as: UTF8.self).contains("a.gguf") }
                    == true)
            _ = try folder.file("a.gguf", "another")
            #expect(await eventually { status.report.weightsDigest == nil }, "it serves what it has loaded, and nobody knows that any more")
            status.publish(holding: .ours(process: "2"))
            let second = "sha256:" + Hex.encode(Hash.sha256("another").bytes)
            #expect(await eventually { status.report.weightsDigest == second })
            status.publish(holding: .foreign)
            #expect(status.report.weightsDigest == nil)
            group.cancelAll()
        }
    }

    private func digest(_ path: String) throws -> String {
        let found = try #require(WeightsReading(pause: 0).read(path, known: [:]))
        return found.files.digest(found.digests)
    }
}
