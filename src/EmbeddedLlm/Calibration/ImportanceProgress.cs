namespace EmbeddedLlm.Calibration;

/// <summary>A piece of text that has gone through the model.</summary>
/// <param name="Done">Pieces so far.</param>
/// <param name="Count">Pieces in all.</param>
public sealed record ImportanceProgress(int Done, int Count);
