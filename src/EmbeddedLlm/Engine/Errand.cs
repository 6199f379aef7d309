namespace EmbeddedLlm.Engine;

/// <summary>Something to do with the KV memory between two steps.</summary>
/// <param name="work">Does it, on the engine's thread.</param>
internal sealed class Errand(Func<PrefixBlocks, int> work)
{
    // Who waits never goes on on the engine's thread.
    private readonly TaskCompletionSource<int> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it gave, or why not.</summary>
    public Task<int> Result => _result.Task;

    public void Run(PrefixBlocks blocks)
    {
        try
        {
            _result.SetResult(work(blocks));
        }
        catch (Exception failure)
        {
            Fail(new LlmException($"The backend failed while KV blocks were copied: {failure.Message}", failure));
        }
    }

    public void Fail(Exception failure) => _result.TrySetException(failure);
}
