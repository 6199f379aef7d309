using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>The form of the right-hand numbers of a <see cref="TileProduct{TLanes}"/>, as a constant for the JIT.</summary>
internal unsafe interface ITileNumber<TLanes> where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>Bytes of one number.</summary>
    static abstract int Bytes { get; }

    /// <summary>Reads one register of them as floats.</summary>
    static abstract TLanes Load(byte* numbers);
}

/// <summary>32-bit floats.</summary>
internal readonly unsafe struct SingleNumber<TLanes> : ITileNumber<TLanes> where TLanes : unmanaged, ILanes<TLanes>
{
    public static int Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(byte* numbers) => TLanes.Load((float*)numbers);
}

/// <summary>16-bit floats, all of them finite.</summary>
internal readonly unsafe struct HalfNumber<TLanes> : ITileNumber<TLanes> where TLanes : unmanaged, ILanes<TLanes>
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(byte* numbers) => TLanes.LoadFiniteHalf((ushort*)numbers);
}
