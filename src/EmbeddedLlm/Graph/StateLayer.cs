namespace EmbeddedLlm.Graph;

/// <summary>The state of one recurrent step: a matrix of floats for each sequence, of one size however long the sequence is.</summary>
/// <param name="Rows">Rows of the matrix.</param>
/// <param name="Columns">Numbers in a row.</param>
public sealed record StateLayer(int Rows, int Columns);
