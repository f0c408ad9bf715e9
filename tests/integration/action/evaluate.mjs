// Evaluates expressions as the runner does: {contexts, texts} on standard input, a list of strings out.
// A text is literal but for its ${{ }}.
import { Lexer, Parser, Evaluator, data } from '@actions/expressions';
import { readFileSync } from 'node:fs';

const { contexts, texts } = JSON.parse(readFileSync(0, 'utf8'));
const known = JSON.parse(JSON.stringify(contexts), data.reviver);

function evaluate(expression) {
  const tokens = new Lexer(expression).lex().tokens;
  const tree = new Parser(tokens, Object.keys(contexts), []).parse();
  return new Evaluator(tree, known).evaluate().coerceString();
}
console.log(JSON.stringify(texts.map(
  text => text.replace(/\$\{\{(.*?)\}\}/g, (_, expression) => evaluate(expression.trim())))));
