/// A program of the operator's that starts workers, and ends them, when it is asked to.
package struct Scaler: Sendable, Equatable {
    package var id: String
    package var name: String
    /// Nil: any.
    package var model: String?
    package var region: String?
    /// It is asked for no more at once.
    package var mostWorkers: Int

    package init(id: String, name: String, model: String? = nil, region: String? = nil, mostWorkers: Int = 4) {
        self.id = id
        self.name = name
        self.model = model
        self.region = region
        self.mostWorkers = mostWorkers
    }

    /// How many of model and region it names, a model before a region; nil: it is for others.
    fileprivate func nearness(_ model: String, _ region: String) -> Int? {
        guard (self.model ?? model) == model, (self.region ?? region) == region else { return nil }
        return (self.model == nil ? 0 : 2) + (self.region == nil ? 0 : 1)
    }
}

/// Who is asked for workers, and for how many.
package struct WorkerOrder: Sendable, Equatable {
    package var scaler: Scaler
    package var workers: Int

    package init(scaler: Scaler, workers: Int) {
        self.scaler = scaler
        self.workers = workers
    }

    /// For timelines and plans.
    package var text: String { "\(Self.words(workers)) from \(scaler.name)" }

    package static func words(_ workers: Int) -> String { workers == 1 ? "1 worker" : "\(workers) workers" }
}

extension FleetView {
    /// What is ordered to raise the worker count of a model in a region: of the nearest scaler, as many workers as do not serve there now, but at
    /// least one. Nil: nobody can be asked.
    ///
    /// - Parameter scalers: Ids of those that will not take it.
    package func order(_ target: MitigationTarget, refusedBy scalers: Set<String> = []) -> WorkerOrder? {
        guard target.action == .raiseWorkers, let model = target.model, let region = target.region else { return nil }
        let found = self.scalers.compactMap { scaler in
            scalers.contains(scaler.id) ? nil : scaler.nearness(model, region).map { (scaler: scaler, nearness: $0) }
        }.max { ($0.nearness, $1.scaler.name) < ($1.nearness, $0.scaler.name) }
        guard let scaler = found?.scaler else { return nil }
        // What stands by, starts, or is of a release without a share is not missing.
        let missing = workers.count { worker in
            worker.model == model && worker.region == region && !worker.isServing && !worker.isStandby && !worker.awaitsShare
                && !worker.runtime.isStarting
        }
        return WorkerOrder(scaler: scaler, workers: min(max(1, missing), scaler.mostWorkers))
    }
}

extension Trouble {
    /// More workers help against it, and it is real. What redundancy lacks may be another provider, another region or a drill.
    var asksForWorkers: Bool { !isDrill && signal != .redundancy }
}
