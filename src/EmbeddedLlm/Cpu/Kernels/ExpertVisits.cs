namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Walks the experts that have visits: <c>foreach (var visits in new ExpertVisits(…))</c>.</summary>
/// <param name="starts">[experts + 1] first visit of each expert.</param>
/// <param name="experts">How many experts.</param>
/// <param name="tile">Columns of a full tile: packed visits of an expert take a multiple of these.</param>
internal unsafe ref struct ExpertVisits(int* starts, int experts, int tile)
{
    /// <summary>The expert.</summary>
    public int Expert { get; private set; } = -1;

    /// <summary>Its first visit.</summary>
    public readonly int First => starts[Expert];

    /// <summary>How many visits it has.</summary>
    public readonly int Count => starts[Expert + 1] - starts[Expert];

    /// <summary>Where its packed visits begin.</summary>
    public int Place { get; private set; }

    /// <summary>This.</summary>
    public readonly ExpertVisits Current => this;

    /// <summary>This.</summary>
    public readonly ExpertVisits GetEnumerator() => this;

    /// <summary>Goes on to the next expert that has visits.</summary>
    public bool MoveNext()
    {
        if (Expert >= 0)
            Place += (Count + tile - 1) / tile * tile;
        while (++Expert < experts)
        {
            if (Count > 0)
                return true;
        }

        return false;
    }
}
