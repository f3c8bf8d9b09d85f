import Cryptography
import FoundationEssentials
import Glibc

/// The files that hold a runtime's weights, as they are at this moment.
struct ModelFiles: Sendable, Equatable {
    /// One of them, with what changes when its content does.
    struct File: Sendable, Hashable, Codable {
        var path: String
        var size: Int64
        /// Nanoseconds of the clock.
        var modifiedAt: Int64
        var inode: UInt64
        /// The SHA-256 of its content in hexadecimal digits, by which the cache of Hugging Face names it; nil: it has to be read.
        var named: String?

        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    /// By their names.
    let files: [File]

    private static let most = 1_024
    /// In a folder the first kind of which there is any is what runtimes load.
    private static let kinds = [".safetensors", ".gguf", ".bin"]

    /// - Parameter path: A file, the first part of one that was split for llama.cpp, or a folder. Nil: nothing can be read there.
    init?(path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        let isFolder = facts.st_mode & S_IFMT == S_IFDIR
        let paths = isFolder ? Self.weights(in: path) : Self.parts(of: path)
        let files = paths.compactMap(Self.file)
        guard !files.isEmpty, files.count == paths.count, files.count <= Self.most else { return nil }
        self.files = files
    }

    /// In hexadecimal digits: of one file its own, of several that of the list that `sha256sum` prints of them in the order of their names' bytes.
    ///
    /// - Parameter digests: Of each file, in their order.
    func digest(_ digests: [String]) -> String {
        guard digests.count > 1 else { return digests.first ?? "" }
        let list = zip(files, digests).map { "\($1)  \($0.name)\n" }.joined()
        return Hex.encode(Hash.sha256(list).bytes)
    }

    private static func weights(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let kind = kinds.first { kind in names.contains { $0.hasSuffix(kind) } }
        guard let kind else { return [] }
        return sorted(names.filter { $0.hasSuffix(kind) }).map { "\(folder)/\($0)" }
    }

    /// `model-00001-of-00003.gguf` is followed by the others.
    private static func parts(of path: String) -> [String] {
        let marks = path.ranges(of: "-00001-of-")
        guard let mark = marks.last, path.hasSuffix(".gguf"), let slash = path.lastIndex(of: "/"), slash < mark.lowerBound else { return [path] }
        let (folder, head, tail) = (path[..<slash], path[path.index(after: slash)..<mark.lowerBound], path[mark.upperBound...])
        let names = (try? FileManager.default.contentsOfDirectory(atPath: String(folder))) ?? []
        return sorted(names.filter { $0.hasPrefix(head + "-") && $0.hasSuffix("-of-" + tail) }).map { "\(folder)/\($0)" }
    }

    private static func sorted(_ names: [String]) -> [String] { names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    private static func file(_ path: String) -> File? {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        return File(
            path: path, size: Int64(facts.st_size), modifiedAt: Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec),
            inode: UInt64(facts.st_ino), named: name(ofBlobBehind: path))
    }

    /// `snapshots/REVISION/model.safetensors` leads to `blobs/SHA-256`.
    private static func name(ofBlobBehind path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        let parts = String(cString: real).split(separator: "/")
        guard parts.count > 1, parts[parts.count - 2] == "blobs", let name = parts.last, name.utf8.count == 64,
            name.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        return String(name)
    }
}
