import Testing

/// Tests that each start a whole installation. One at a time: two cores carry one under load, not four.
@Suite(.serialized) enum MachineTests {}
