import FoundationEssentials
import Glibc

/// `docs/openapi.yaml` as a tree, with what tests ask of it.
package struct OpenAPIDocument: Sendable {
    /// A method on a path.
    package struct Operation: Sendable {
        /// Such as `GET`.
        package let method: String
        /// With placeholders, such as `/admin/v1/tenants/{id}`.
        package let path: String
        package let tree: JSONTree
    }

    package let root: JSONTree

    package init(root: JSONTree) {
        self.root = root
    }

    /// Python's YAML reader turns the file into JSON (Debian: python3-yaml).
    package static func read() async throws -> OpenAPIDocument {
        let document = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/openapi.yaml").path()
        let output = "/tmp/plimsoll-openapi-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).json"
        defer { unlink(output) }
        let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), open(sys.argv[2], 'w'), default=str)"
        do {
            try await ToolRun.run(["python3", "-c", script, document, output])
        } catch is ToolRun.Failure {
            // Another Python may come first in the path than the one that Debian's packages are for.
            try await ToolRun.run(["/usr/bin/python3", "-c", script, document, output])
        }
        return OpenAPIDocument(root: try JSONDecoder().decode(JSONTree.self, from: Data(contentsOf: URL(filePath: output))))
    }

    package var operations: [Operation] {
        root["paths"].names.sorted().flatMap { path in
            let item = root["paths"][path]
            return item.names.sorted().map { Operation(method: $0.uppercased(), path: path, tree: item[$0]) }
        }
    }

    package func operation(_ method: String, _ path: String) -> Operation? {
        operations.first { $0.method == method && $0.path == path }
    }

    /// Follows a `$ref` within the document.
    package func resolved(_ tree: JSONTree) -> JSONTree {
        guard let reference = tree["$ref"].string else { return tree }
        return resolved(reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] })
    }

    /// Names of an operation's own query parameters, without those that every list has.
    package func filters(_ operation: Operation) -> [String] {
        let parameters = operation.tree["parameters"].elements.map(resolved).filter { $0["in"].string == "query" }
        return parameters.compactMap { $0["name"].string }.filter { !["limit", "cursor", "order"].contains($0) }
    }

    /// Schema of a request's body; null without one.
    package func body(_ operation: Operation) -> JSONTree {
        resolved(operation.tree["requestBody"]["content"]["application/json"]["schema"])
    }

    /// What a JSON answer does not keep of what the document promises for its status; empty when all is well.
    package func faults(_ operation: Operation, status: Int, _ answer: JSONTree) -> [String] {
        let responses = operation.tree["responses"]
        let response = resolved(responses.names.contains("\(status)") ? responses["\(status)"] : responses["default"])
        let schema = response["content"]["application/json"]["schema"]
        let place = "\(operation.method) \(operation.path) \(status)"
        // A text that is no JSON has no form to hold it against.
        let types = response["content"].names
        if !types.isEmpty, !types.contains("application/json") { return [] }
        guard schema != .null else { return ["\(place): has no schema"] }
        return SchemaCheck(document: self).faults(answer, schema, at: place)
    }
}
