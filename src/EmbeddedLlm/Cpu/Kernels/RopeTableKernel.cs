using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// Works out sine and cosine once per step for all layers and heads that turn by the same <see cref="RopeSpec"/>.
/// A row holds cosines, then sines, each as wide as <see cref="Width"/>: for halves one per pair; for neighbours two per pair, the sines as −sin, +sin,
/// so that <see cref="RopeKernel{TLanes}"/> needs only to swap neighbours.
/// </summary>
internal sealed unsafe class RopeTableKernel : CpuKernel
{
    private readonly double[] _frequencies;
    private readonly double _magnitude;
    private readonly bool _doubles;
    private readonly AlignedMemory _memory;

    public RopeTableKernel(RopeSpec spec, int maxRows)
    {
        _frequencies = [.. spec.Frequencies];
        _magnitude = spec.Magnitude;
        _doubles = spec.Pairing == RopePairing.Adjacent;
        Width = _doubles ? spec.Width : spec.Frequencies.Length;
        _memory = new AlignedMemory(checked(2L * Width * maxRows * sizeof(float)));
    }

    /// <summary>Cosines of a row, and sines.</summary>
    public int Width { get; }

    /// <summary>The cosines of this row; its sines follow.</summary>
    public float* Row(int row) => (float*)_memory.Start + (nint)row * 2 * Width;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.Rows);
        for (var row = start; row < end; row++)
            Fill(Row(row), step.Positions[row]);
    }

    public override void Dispose()
    {
        base.Dispose();
        _memory.Dispose();
    }

    private void Fill(float* cosines, int position)
    {
        var sines = cosines + Width;
        for (var pair = 0; pair < _frequencies.Length; pair++)
        {
            var (sine, cosine) = Math.SinCos(position * _frequencies[pair]);
            if (_doubles)
            {
                cosines[2 * pair] = cosines[2 * pair + 1] = (float)(cosine * _magnitude);
                sines[2 * pair + 1] = (float)(sine * _magnitude);
                sines[2 * pair] = -sines[2 * pair + 1];
            }
            else
            {
                cosines[pair] = (float)(cosine * _magnitude);
                sines[pair] = (float)(sine * _magnitude);
            }
        }
    }
}
