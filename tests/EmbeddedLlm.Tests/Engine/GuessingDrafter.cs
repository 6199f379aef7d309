using System.Numerics.Tensors;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>Drafts of random length: mostly the most probable tokens of a script, now and then any token.</summary>
internal sealed class GuessingDrafter(int seed, ScriptedRunner.Script? script = null) : IDrafter
{
    private readonly Random _random = new(seed);

    public void Draft(ReadOnlySpan<Sequence> sequences)
    {
        Span<float> logits = stackalloc float[EngineTesting.Vocabulary];
        foreach (var sequence in sequences)
        {
            for (var left = _random.Next(sequence.DraftRoom + 1); left > 0; left--)
            {
                (script ?? ScriptedRunner.Hashed)(sequence.TokensAndDraft, logits);
                sequence.AppendDraft(_random.Next(8) == 0 ? _random.Next(logits.Length) : TensorPrimitives.IndexOfMax<float>(logits));
            }
        }
    }

    public void Close(Sequence sequence)
    {
    }
}
