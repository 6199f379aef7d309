// A model that uses a tool. Give the path of a GGUF file, or nothing for a script in place of a model: the repository's tiny model babbles, and
// would never ask for the weather. Template, engine and parser are the real ones either way.
using System.ComponentModel;
using EmbeddedLlm;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;

const string Call = """<tool_call>{"name": "weather", "arguments": {"city": "Bern", "days": 2}}</tool_call>""";
using var scripted = args.Length > 0 ? null : new ScriptedModel($"Let me look. {Call}", "It will be sunny.", Call);
using var model = scripted?.Model ?? LlmModel.Load(args[0]);
IChatClient chat = model.AsIChatClient();

[Description("The weather of a city.")]
static string Weather(string city, [Description("How many days ahead")] int days = 0) => $"{city} in {days} days: sunny, {18 + days} °C";

var weather = AIFunctionFactory.Create(Weather, "weather");

// This middleware makes the calls that the model asks for, and goes on until there is an answer.
using var client = chat.AsBuilder().UseFunctionInvocation().Build();
await foreach (var update in client.GetStreamingResponseAsync("How will the weather be in Bern in two days?", new() { Tools = [weather], MaxOutputTokens = 200 }))
{
    foreach (var content in update.Contents)
    {
        Console.Write(content switch
        {
            TextContent text => text.Text,
            FunctionCallContent call => $"\n-> {call.Name}: {string.Join(", ", call.Arguments?.Select(argument => $"{argument.Key} = {argument.Value}") ?? [])}\n",
            FunctionResultContent result => $"<- {result.Result}\n",
            _ => "",
        });
    }
}

// Without it, calls are yours to make. Whatever the model would rather say, this answer is one call of this tool, with arguments of its schema.
var response = await chat.GetResponseAsync("Bern, the day after tomorrow.", new()
{
    Tools = [weather],
    ToolMode = ChatToolMode.RequireSpecific("weather"),
    AllowMultipleToolCalls = false,
    MaxOutputTokens = 200,
});
foreach (var call in response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>())
    Console.WriteLine($"\n{call.Exception?.Message ?? await weather.InvokeAsync(new(call.Arguments))}");
