/** What is wrong with a command line. */
export class WrongUsage extends Error {}

/** What parseArgs refuses is wrong usage. */
export function asUsage<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!String(code).startsWith('ERR_PARSE_ARGS')) throw error;
    throw new WrongUsage(message);
  }
}

/** @throws WrongUsage */
export function wholeNumber(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
  throw new WrongUsage(`${option}: found ${text}, expected a whole number from ${least}`);
}
