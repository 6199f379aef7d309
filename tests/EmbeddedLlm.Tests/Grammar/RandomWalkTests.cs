using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Fuzzing;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Random schemas and random walks of their masks, on real vocabularies: every text that ends is valid, and none ends dead.</summary>
public sealed class RandomWalkTests
{
    private const int Schemas = 120;
    private const int Walks = 3;

    // What random schemas may ask that no constraint can carry.
    private static readonly string[] Refusals = ["root", "not", "if", "oneOf", "contains", "maxContains", "minProperties", "$ref"];

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("tiny")]
    public void Write_RandomSchemas_EveryTextParsesAndValidatesAndNoneEndsDead(string vocabulary)
    {
        var tokenizer = vocabulary == "tiny" ? GrammarTesting.Tiny : GrammarTesting.Golden(vocabulary);
        var (compiled, walked, judged) = (0, 0, 0);
        var time = FuzzTime.OfRun();
        for (var seed = 0; seed < Schemas || time.IsLeft; seed++)
        {
            if (Compile(seed, tokenizer) is not ({ } constraint, { } validator, var schema))
                continue;
            compiled++;
            var walk = new RandomWalk(tokenizer, new Random(seed));
            for (var i = 0; i < Walks; i++)
            {
                walked++;
                try
                {
                    if (walk.Write(constraint) is not { } text || validator.IsValid(text) is not { } isValid)
                        continue;
                    judged++;
                    Assert.True(isValid, $"{Encoding.UTF8.GetString(text)} is invalid.");
                }
                catch (Exception failure)
                {
                    Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"Seed {seed} on {vocabulary}: {failure.Message}\n{schema}\n{failure.StackTrace}"));
                }
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{compiled} schemas, {walked} walks, {judged} texts judged");
        Assert.True(judged > walked / 2, $"{judged} of {walked} walks ended.");
    }

    [Fact]
    public void FillMask_RandomStates_AllowsWhatAcceptTakes()
    {
        var tokenizer = GrammarTesting.Golden("gpt-2");
        var random = new Random(5);
        for (var seed = 0; seed < 25; seed++)
        {
            if (Compile(seed, tokenizer).Constraint is not { } constraint)
                continue;
            var state = constraint.Start();
            var mask = new ulong[constraint.MaskLength];
            for (var step = 0; step < 12 && !state.IsEnded; step++)
            {
                state.FillMask(mask);
                // All tokens, each by itself: the tree, its slices and its shared bytes must say the same.
                var wrong = Enumerable.Range(0, tokenizer.VocabularySize).Where(id => GrammarTesting.Allows(mask, id) != Takes(state, id)).ToList();
                Assert.Empty(wrong);
                var allowed = Enumerable.Range(0, tokenizer.VocabularySize).Where(id => GrammarTesting.Allows(mask, id)).ToList();
                Assert.NotEmpty(allowed);
                Assert.True(state.Accept(allowed[random.Next(allowed.Count)]));
            }
        }
    }

    // No constraint where the schema is refused.
    private static (Constraint? Constraint, SchemaValidator? Validator, string Schema) Compile(int seed, Tokenizer tokenizer)
    {
        var document = new RandomSchemas(new Random(seed)).Document();
        var schema = document.ToJsonString();
        try
        {
            var options = new ConstraintOptions { AllowAnyOrder = seed % 2 == 0, AllowWhiteSpace = seed % 3 == 0 };
            return (Constraint.FromJsonSchema(JsonDocument.Parse(schema).RootElement, tokenizer, options), new SchemaValidator(document), schema);
        }
        catch (ConstraintException exception)
        {
            Assert.True(exception.IsLimit || Refusals.Contains(exception.Feature), $"Seed {seed}: {exception.Message}\n{schema}");
            return (null, null, schema);
        }
    }

    private static bool Takes(ConstraintState state, int token)
    {
        var ended = state.Count;
        if (!state.Accept(token))
            return false;
        state.Rollback(state.Count - ended);
        return true;
    }
}
