using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>A tensor of a mapped file as the storage of a weight.</summary>
internal sealed class GgufStorage(GgufTensor tensor) : WeightStorage
{
    /// <summary>GGUF's name of the tensor.</summary>
    public string TensorName => tensor.Name;

    public override ReadOnlySpan<byte> Slice(long offset, int length) => tensor.Slice(offset, length);

    public override void GiveBack(long offset, long length) => tensor.GiveBack(offset, length);
}
