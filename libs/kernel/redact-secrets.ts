/** What every secret of the platform begins with; the last part is random, so a few of its characters are enough to tell. */
const OWN = /aiaas_(live|test|sys|pat)_[0-9A-Za-z_]{8,}/gi;

/**
 * Keys of other providers, as they announce themselves: `sk-…` of OpenAI, Anthropic and many others, and those of Google,
 * Groq, xAI, Hugging Face, GitHub and AWS. What tells a key from a name is that a long part of it has digits and no words.
 */
const FOREIGN = /\b(sk-(?:[a-z0-9]{2,8}-)*|AIza|gsk_|xai-|hf_|gh[pousr]_|AKIA)(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}/g;

/** Faster than the expressions, for what is asked of every event and every line. */
const OWN_PREFIX = 'aiaas_';

/** Leaves of the platform's secrets in a text what kind they were, and nothing else. */
export function redactOwnSecrets(text: string): string {
  return text.includes(OWN_PREFIX) || text.includes('AIAAS_') ? text.replace(OWN, 'aiaas_$1_[redacted]') : text;
}

/** The same, and of keys of other providers too: for what somebody pasted where an id, a name or a model belongs. */
export function redactSecrets(text: string): string {
  return redactOwnSecrets(text).replace(FOREIGN, '$1[redacted]');
}

/** Whether a text holds what looks like a secret of the platform: it is nobody's id and nobody's name then. */
export function holdsOwnSecret(text: string): boolean {
  return redactOwnSecrets(text) !== text;
}
